"""The sandbox's homes are those that all emulated clouds share, see :mod:`heatfleet.vendors.kit.emulation.homes`."""

from heatfleet.vendors.kit.emulation.homes import BLOCK_LASTS, LEVERS, STEP_H

__all__ = ["BLOCK_LASTS", "LEVERS", "STEP_H"]
