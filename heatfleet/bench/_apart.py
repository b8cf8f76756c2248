"""What no plan of a home can cost less than, with whole actions and minimum on and off times.

Space heating and hot water are planned apart, each step's charge at a price that one pays to the other; whatever the
prices are, both together cost no more than any plan of the home (Lagrange). The prices are moved until that is most.
Space heating has three dimensions (indoor temperature, fast mode, run), all of it on a net between whose knots values
are taken linearly; so the floor is of numbers, not of logic: it is the value on a fine net, less twice what twice as
many knots on both axes had changed. Plain problems only: no dose, no cost of starts, off for long before step 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Home, Rules, batch_of, home_of
from heatfleet.planning.compiled import allocating, compiled
from heatfleet.planning.plane_kernel import swing_k
from heatfleet.planning.problem import Problem
from heatfleet.thermal.arrays import Array

SEARCH, COARSER, FINER = (150, 48), (280, 96), (560, 192)  # knots: indoor temperature, fast mode
BELOW_K, ABOVE_K = 0.8, 1.2  # of the band: net; farther out, linear
ROUNDS, PATIENCE, SHORTER = 150, 6, 0.6
TANK_CELLS = 2400
UNSURE = 2.0  # times the last change; with again twice the knots, values fell by 0.4 to 0.8 times that
DEAR = np.float32(1.0e9)


class Net(NamedTuple):
    """Cost to come of space heating in units of the home's dearest step."""

    values: Array  # (step+1, layer, cell, mode) float32, before each step, the penalty of being there included
    free: Array  # (step+1,) fast mode without heat [K]
    first: float  # indoor temperature of cell 0 [°C]
    cell_k: float
    layer_k: float  # of the fast mode by heat


def _net(home: Home, rules: Rules, knots: tuple[int, int]) -> Net:
    cells, layers = knots
    steps, free = home.heat.shape[0], [home.fast[2]]
    for t in range(steps):
        free.append(home.fast[0] * free[t] + home.fast_w[t])
    first, last = float(home.low.min()) - BELOW_K, float(home.high.max()) + ABOVE_K
    values = np.zeros((steps + 1, layers, cells, rules.min_on + rules.min_off), np.float32)
    return Net(values, np.array(free), first, (last - first) / (cells - 1), max(swing_k(home), 0.1) / (layers - 1))


@compiled
def _outside(home: Home, t: int, indoor: float) -> float:
    """Penalty of being at ``indoor`` after step ``t``."""
    return home.penalty * (max(home.low[t] - indoor, 0.0) + max(indoor - home.high[t], 0.0)) if t >= 0 else 0.0


@compiled
def _landing(home: Home, net: Net, t: int, state: tuple[float, float], k: int) -> tuple[float, float]:
    """Slow mode and fast mode by heat after action ``k``."""
    slow, by_heat = state
    heat = home.heat[t, k]
    return home.slow[0] * slow + home.slow[1] * heat + home.slow_w[t], home.fast[0] * by_heat + home.fast[1] * heat


@compiled
def _place(net: Net, t: int, state: tuple[float, float]) -> tuple[int, int, float, float]:
    """The layer and cell below a state before step ``t``, and how far on the next ones are."""
    slow, by_heat = state
    at, up = (slow + by_heat + net.free[t] - net.first) / net.cell_k, by_heat / net.layer_k
    layer = min(max(int(up), 0), net.values.shape[1] - 2)
    cell = min(max(int(np.floor(at)), 0), net.values.shape[2] - 2)
    return layer, cell, up - layer, at - cell


@compiled
def _lower(here: Array, net: Net, t: int, state: tuple[float, float], span: tuple[int, int, float]) -> None:
    """Lower ``here`` (mode,), in modes ``span[0]..span[1]-1``, to ``span[2]`` plus what a state is worth."""
    layer, cell, g, f = _place(net, t, state)
    g, f = np.float32(g), np.float32(f)
    low, high = net.values[t, layer], net.values[t, layer + 1]
    for mode in range(span[0], span[1]):
        below = low[cell, mode] + f * (low[cell + 1, mode] - low[cell, mode])
        above = high[cell, mode] + f * (high[cell + 1, mode] - high[cell, mode])
        here[mode] = min(here[mode], np.float32(span[2]) + below + g * (above - below))


@compiled
def _turn(found: Array, out: Array, min_on: int, penalty: float) -> None:
    """From the best cost by the run-mode a step leads to, ``found`` (mode,), that by the mode before it, ``out``."""
    modes, more = found.shape[0], np.float32(penalty)
    for mode in range(modes):
        last = mode == min_on - 1 or mode == modes - 1
        other = found[min_on if mode < min_on else 0] if last else DEAR
        out[mode] = min(found[mode if last else mode + 1], other) + more


@allocating
def _backward(home: Home, net: Net, min_on: int) -> None:
    """Fill the net."""
    steps, layers, cells, modes = net.values.shape
    found = np.empty(modes, np.float32)
    for t in range(steps - 1, -1, -1):
        for layer in range(layers):
            for cell in range(cells):
                indoor, by_heat = net.first + cell * net.cell_k, layer * net.layer_k
                slow = indoor - by_heat - net.free[t]
                if t == steps - 1:
                    found[:] = -(home.slow[3] * slow + home.fast[3] * (by_heat + net.free[t]))
                else:
                    found[:] = DEAR
                    for k in range(home.heat.shape[1]):
                        span = (min_on, modes) if k == 0 else (0, min_on)
                        after = _landing(home, net, t, (slow, by_heat), k)
                        _lower(found, net, t + 1, after, (span[0], span[1], home.cost[t, k]))
                _turn(found, net.values[t, layer, cell], min_on, _outside(home, t - 1, indoor))


@allocating
def _forward(home: Home, net: Net, min_on: int, charges: Array) -> float:
    """The value at the start, off for long; the charges (step,) of the plan that goes with it."""
    modes = net.values.shape[3]
    found, state, mode = np.full(modes, DEAR, np.float32), (home.slow[2], 0.0), modes - 1
    _lower(found, net, 0, state, (mode, modes, 0.0))
    value, one = float(found[mode]), np.empty(modes, np.float32)
    for t in range(charges.shape[0]):
        least, chosen, then = 1e18, 0, 0
        for k in range(home.heat.shape[1]):
            on, runs = k > 0, mode < min_on
            if on != runs and mode != (min_on - 1 if runs else modes - 1):
                continue
            onward = min(mode + 1, min_on - 1 if runs else modes - 1) if on == runs else (0 if on else min_on)
            one[onward] = DEAR
            _lower(one, net, t + 1, _landing(home, net, t, state, k), (onward, onward + 1, home.cost[t, k]))
            if one[onward] < least:
                least, chosen, then = one[onward], k, onward
        charges[t] = chosen == home.heat.shape[1] - 1
        state, mode = _landing(home, net, t, state, chosen), then
    return value


class _Tank(NamedTuple):
    cost: Array  # (step,) of a charge
    rise: Array  # (step,) [K]
    drift: Array  # (step,) [K]
    low: Array
    high: Array
    numbers: tuple[float, float, float, float]  # a, start [°C], value of a kelvin at the end, weight of one outside


@compiled
def _after(tank: _Tank, t: int, temp: float, charge: int) -> tuple[float, float]:
    """Temperature after step ``t``, and what the step costs."""
    then = tank.numbers[0] * temp + tank.drift[t] + charge * tank.rise[t]
    outside = max(tank.low[t] - then, 0.0) + max(then - tank.high[t], 0.0)
    return then, charge * tank.cost[t] + tank.numbers[3] * outside


@compiled
def _read(row: Array, at: float) -> float:
    """Between knots; farther out, linear on."""
    left = min(max(int(np.floor(at)), 0), row.shape[0] - 2)
    return row[left] + (at - left) * (row[left + 1] - row[left])


@allocating
def _water(tank: _Tank, first: float, width: float, charges: Array) -> float:
    """What hot water costs at least; fills the charges (step,) that do so."""
    steps, start = charges.shape[0], tank.numbers[1]
    rows = np.empty((steps + 1, TANK_CELLS))
    for i in range(TANK_CELLS):
        rows[steps, i] = -tank.numbers[2] * (first + i * width)
    for t in range(steps - 1, -1, -1):
        for i in range(TANK_CELLS):
            rows[t, i] = 1e18
            for charge in range(2):
                then, cost = _after(tank, t, first + i * width, charge)
                rows[t, i] = min(rows[t, i], cost + _read(rows[t + 1], (then - first) / width))
    temp = start
    for t in range(steps):
        (idle, free), (warm, cost) = _after(tank, t, temp, 0), _after(tank, t, temp, 1)
        here, there = _read(rows[t + 1], (idle - first) / width), _read(rows[t + 1], (warm - first) / width)
        charges[t] = cost + there < free + here
        temp = warm if charges[t] else idle
    return _read(rows[0], (start - first) / width)


class _Halves:
    """A home, its space heating and its hot water, for any prices of a charge."""

    def __init__(self, problem: Problem, i: int) -> None:
        batch, self.rules = batch_of(problem)
        self.home = home_of(batch, self.rules, i)
        scale, (a, b, start, value) = self.home.scale, batch.tank[i]
        rise, low, high = b * batch.dhw_heat[i], batch.tank_low[i], batch.tank_high[i]
        weight = self.rules.step_h * self.rules.dhw_penalty / scale
        self.tank = _Tank(
            self.home.cost[:, -1], rise, batch.tank_w[i], low, high, (a, start, value / scale, weight)
        )  # fmt: skip
        self.first = float(low.min()) - 10.0
        self.width = (float(high.max() + rise.max()) + 5.0 - self.first) / (TANK_CELLS - 1)
        self.constant = float(batch.weight[i] @ batch.x0[i] + value * start)

    def together(self, net: Net, paid: Array) -> tuple[float, Array]:
        """What both cost when a charge costs space heating ``paid`` (step,) and hot water the rest [currency]; the
        charges of space heating less those of hot water (step,)."""
        charges = np.zeros((2, len(paid)))
        home, min_on = self.home, self.rules.min_on
        home = home._replace(cost=np.concatenate([home.cost[:, :-1], paid[:, None]], axis=1))
        _backward(home, net, min_on)
        value = _forward(home, net, min_on, charges[0])
        tank = self.tank._replace(cost=self.tank.cost - paid)
        value += _water(tank, self.first, self.width, charges[1])
        return value * home.scale + self.constant, charges[0] - charges[1]

    def net(self, knots: tuple[int, int]) -> Net:
        """An empty net."""
        return _net(self.home, self.rules, knots)


def floor(problem: Problem, i: int, known: float) -> float:
    """What no plan of home ``i`` can cost less than [currency]; ``known`` = what one costs."""
    halves = _Halves(problem, i)
    paid = _prices(halves, known)
    coarser, finer = (halves.together(halves.net(knots), paid)[0] for knots in (COARSER, FINER))
    return finer - UNSURE * abs(finer - coarser)


def _prices(halves: _Halves, known: float) -> Array:
    """Prices of a charge (step,) at which both halves together cost as much as was found, by subgradients."""
    net, paid, length, since = halves.net(SEARCH), np.zeros(len(halves.tank.cost)), 1.0, 0
    most, at_most = -np.inf, paid
    for _ in range(ROUNDS):
        value, apart = halves.together(net, paid)
        if value > most:
            most, at_most, since = value, paid, 0
        else:
            since += 1
            if since == PATIENCE:
                length, since, paid = SHORTER * length, 0, at_most
        if not apart.any():
            break
        paid = paid + length * max(known - value, 1e-3 * abs(known)) / halves.home.scale * apart / (apart @ apart)
    return at_most
