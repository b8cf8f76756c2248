"""Sun from the roof as planning sees it: where a surplus is expected, what the pump draws of it costs less."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np

from heatfleet.domain.readings import Channel
from heatfleet.flows.toolbox_homes import Loaded
from heatfleet.flows.toolbox_outlook import Surroundings, place_of_site
from heatfleet.flows.toolbox_past import last_days, past
from heatfleet.planning.state import Horizon
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.surplus import learn_surplus

DAYS = 14
FEED_IN_SHARE = 0.25  # of the mean price: what a kilowatt-hour fed in earns is not known here


async def covered_share(tx: ReadTx, loaded: Loaded, around: Surroundings, now: datetime) -> Array | None:
    """Share of each pump's power that its roof is expected to give, (pump, step); None where nobody measures any."""
    sunny = [row for row, pump in enumerate(loaded.pumps) if _is_sunny(pump)]
    if not sunny:
        return None
    pumps = [loaded.pumps[row] for row in sunny]
    seen = await past(tx, replace(loaded, pumps=pumps), last_days(now, DAYS))
    channels = seen.block.channels
    export, power = (channels[name][:, 1:] for name in (Channel.GRID_EXPORT_KW, Channel.POWER_KW))
    learned = learn_surplus(export, power, seen.ghi_kw_m2)
    forecast = np.stack([around.weather[place_of_site(loaded.sites[pump.id])].ghi_kw_m2 for pump in pumps])
    least_kw = np.array([pump.min_solar_power_w / 1000.0 for pump in pumps])
    share = np.zeros((len(loaded.pumps), forecast.shape[1]))
    share[sunny] = learned.covered_share(np.nan_to_num(forecast), least_kw)
    return share


def _is_sunny(pump: HeatPump) -> bool:
    """Whether the owner wants the roof's surplus used and something measures it."""
    channels = (pump.capabilities or {}).get("channels", ())
    return pump.is_inverter_forced_mode_enabled and Channel.GRID_EXPORT_KW.value in channels


def with_sun(expected: Horizon, share: Array | None) -> Horizon:
    """What is expected, with the share of the power that the roof gives at what feeding it in would have earned."""
    if share is None:
        return expected
    earned = FEED_IN_SHARE * np.maximum(expected.price.mean(axis=1, keepdims=True), 0.0)
    return replace(expected, price=expected.price - share * np.maximum(expected.price - earned, 0.0))
