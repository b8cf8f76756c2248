"""The instance file, its checks, and the judge of plans against a plain simulation."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.domain.errors import Invalid
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.instance import plan_instance
from heatfleet.planning.problem import REQUIRED, Problem, make_problem, read_problem, write_problem


def arrays(problem: Problem) -> dict[str, object]:
    return {name: value for name, value in vars(problem).items() if value is not None}


def test_a_problem_survives_its_file(tmp_path: Path) -> None:
    problem = random_problem(3, 1)
    write_problem(tmp_path / "in.npz", problem)
    again = read_problem(tmp_path / "in.npz")
    for name, value in arrays(problem).items():
        np.testing.assert_array_equal(getattr(again, name), value)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_array_is_named(name: str) -> None:
    values = arrays(random_problem(2, 1))
    del values[name]
    with pytest.raises(Invalid, match=name):
        make_problem(**values)


@pytest.mark.parametrize("name", ["price", "space_heat", "w", "tank0", "a", "tank_w"])
def test_a_wrong_shape_and_a_missing_number_are_named(name: str) -> None:
    values = arrays(random_problem(2, 1))
    array = np.asarray(values[name])
    with pytest.raises(Invalid, match=f"{name}: must have shape"):
        make_problem(**{**values, name: array[..., None]})
    hole = array.copy()
    hole.flat[-1] = np.nan
    with pytest.raises(Invalid, match=f"{name}: holds nan at"):
        make_problem(**{**values, name: hole})


def test_nonsense_is_named() -> None:
    values = arrays(random_problem(2, 1))
    for change, match in (
        ({"step_h": 0.0}, "step_h"), ({"min_on_steps": 1.5}, "min_on_steps"), ({"colour": np.zeros(2)}, "colour"),
        ({"indoor_min": np.full((2, 96), 30.0)}, "indoor_min"), ({"run_action0": np.array([0, 9])}, "run_action0"),
        ({"a": np.asarray(values["a"]) * 2}, "a: must have"), ({"dose_temp": np.full(2, 60.0)}, "dose_temp"),
        ({"price": np.array([["x"]])}, "price"), ({"tank_a": np.array([0.9, 1.1])}, "tank_a"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=match):
            make_problem(**{**values, **change})


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(Invalid, match="archive"):
        read_problem(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(Invalid, match="archive"):
        read_problem(tmp_path / "one.npy")


def test_plan_instance_writes_what_it_says(tmp_path: Path) -> None:
    write_problem(tmp_path / "in.npz", random_problem(4, 2))
    said = plan_instance(tmp_path / "in.npz", tmp_path / "out.npz", quality="best")
    with np.load(tmp_path / "out.npz") as out:
        assert out["action"].dtype == np.int8
        assert out["action"].shape == (4, 96)
        assert out["objective"].sum() == pytest.approx(said["objective"], abs=1e-5)
    assert said["dwell_violations"] == 0


def test_files_may_be_streams() -> None:
    stream = io.BytesIO()
    write_problem(stream, random_problem(1, 3))
    stream.seek(0)
    assert read_problem(stream).homes == 1


def plain(problem: Problem, i: int, action: list[int]) -> tuple[float, float, float]:
    """Cost, penalty and objective in plain Python, straight from the definition."""
    x, tank, cost, penalty = problem.x0[i].copy(), problem.tank0[i], 0.0, 0.0
    for t, k in enumerate(action):
        water = k == problem.space_actions
        heat = 0.0 if water else problem.space_heat[i, t, k]
        cost += problem.price[i, t] * (problem.dhw_energy[i, t] if water else problem.space_energy[i, t, k])
        x = problem.a[i] @ x + problem.b[i] * heat + problem.w[i, t]
        charge = problem.dhw_heat[i, t] if water else 0.0
        tank = problem.tank_a[i] * tank + problem.tank_b[i] * charge + problem.tank_w[i, t]
        out = max(problem.indoor_min[i, t] - x[0], 0, x[0] - problem.indoor_max[i, t])
        dhw_out = max(problem.tank_min[i] - tank, 0, tank - problem.tank_max[i])
        penalty += problem.step_h * (problem.comfort_penalty * out + problem.dhw_penalty * dhw_out)
    value = problem.value_x[i] * problem.state_weight[i] @ (x - problem.x0[i])
    value += problem.value_tank[i] * (tank - problem.tank0[i])
    return cost, penalty, cost + penalty - value


@pytest.mark.parametrize("states", [1, 2])
def test_the_judge_agrees_with_a_plain_simulation(states: int) -> None:
    problem = random_problem(3, 6, Kind(states=states))
    action = np.random.default_rng(2).integers(0, 6, (3, problem.steps))
    found = evaluate(problem, action)
    for i in range(3):
        want = plain(problem, i, action[i].tolist())
        assert (found.cost[i], found.penalty[i], found.objective[i]) == pytest.approx(want, rel=1e-9)


def test_broken_dwell_and_starts_are_counted() -> None:
    problem = replace(random_problem(1, 1, Kind(steps=12, min_on=3, min_off=2)), max_starts_day=np.array([2]))
    count = lambda text, **past: evaluate(replace(problem, **past), np.array([[int(c) for c in text]]))  # noqa: E731
    assert count("011100111000").dwell_violations[0] == 0
    assert count("011000111000").dwell_violations[0] == 1
    assert count("011101110000").dwell_violations[0] == 1
    assert count("000000000011").dwell_violations[0] == 0  # the open end may be short
    just_on = {"run_action0": np.array([1]), "run_steps0": np.array([1])}
    assert count("000111000000", **just_on).dwell_violations[0] == 1
    assert count("110001110000", **just_on).dwell_violations[0] == 0
    found = count("011100111001")
    assert (found.starts[0], found.starts_over[0]) == (3, 1)
