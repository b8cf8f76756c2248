"""Samples of one heat pump as arrays, as few bytes, and as means over steps of time.

A *sample* is one poll: an instant and a value, or none, of every channel. ``pack`` keeps instants to the second and
values to the channel's ``RESOLUTION``: whole multiples of it, as differences to the sample before (small numbers),
byte by byte (high bytes are nearly all zero), deflated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.errors import Invalid
from heatfleet.domain.readings import Channel

CHANNELS: tuple[Channel, ...] = tuple(Channel)
METERS = (Channel.ENERGY_KWH, Channel.HEAT_KWH)
STATES = (
    Channel.INDOOR_SETPOINT_C,
    Channel.CURVE_OFFSET_K,
    Channel.DHW_SETPOINT_C,
    Channel.DHW_BOOST,
    Channel.SG_READY_STATE,
    Channel.MODE,
    Channel.COOLING_SETPOINT_C,
    Channel.POOL_SETPOINT_C,
)
LASTS = frozenset((*METERS, *STATES))  # what a step of time tells as its last value; of the others, as their mean
RESOLUTION: Mapping[Channel, float] = {
    Channel.INDOOR_TEMP_C: 0.01,
    Channel.OUTDOOR_TEMP_C: 0.05,
    Channel.FLOW_TEMP_C: 0.05,
    Channel.RETURN_TEMP_C: 0.05,
    Channel.DHW_TEMP_C: 0.05,
    Channel.POWER_KW: 0.001,
    Channel.ENERGY_KWH: 0.001,
    Channel.HEAT_KWH: 0.001,
    Channel.GRID_EXPORT_KW: 0.001,
    Channel.INDOOR_SETPOINT_C: 0.05,
    Channel.CURVE_OFFSET_K: 0.05,
    Channel.DHW_SETPOINT_C: 0.05,
    Channel.DHW_BOOST: 1.0,
    Channel.SG_READY_STATE: 1.0,
    Channel.MODE: 1.0,
    Channel.DEGREE_MINUTES: 0.1,
    Channel.COOLING_SETPOINT_C: 0.05,
    Channel.POOL_TEMP_C: 0.05,
    Channel.POOL_SETPOINT_C: 0.05,
}
_PER_UNIT = {channel: round(1 / step) for channel, step in RESOLUTION.items()}
_DIVISORS = np.array([[_PER_UNIT[channel]] for channel in CHANNELS], dtype=float)
_NONE, _ALL, _SOME = b"\x00", b"\x01", b"\x02"  # which samples have a value of a channel; _SOME: a bitmap says
_NO_SIGN = 2**63 - 1
_VERSION = 1
_HEAD = struct.Struct("<BI")  # version, number of samples
_ROW = struct.Struct("<qB")  # first value, bytes per difference
_SMALLER = 6  # zlib level: 9 is a third slower and saves 1 %


@dataclass(frozen=True)
class Samples:
    """Samples in order of time: seconds since 1970 (sample,), values (channel, sample) with NaN for missing ones.

    ``estimated`` and ``modelled`` (sample,) are masks, a bit per channel.
    """

    at_s: np.ndarray
    values: Floats
    estimated: np.ndarray
    modelled: np.ndarray

    @property
    def count(self) -> int:
        """How many samples."""
        return len(self.at_s)

    def take(self, which: np.ndarray) -> Samples:
        """The samples that an index or a mask names."""
        return Samples(self.at_s[which], self.values[:, which], self.estimated[which], self.modelled[which])


def no_samples() -> Samples:
    """None."""
    nothing = np.empty(0, np.int64)
    return Samples(nothing, np.empty((len(CHANNELS), 0)), nothing, nothing)


def joined(parts: Sequence[Samples]) -> Samples:
    """All samples of some parts, in order of time."""
    if not parts:
        return no_samples()
    whole = Samples(
        np.concatenate([part.at_s for part in parts]),
        np.concatenate([part.values for part in parts], axis=1),
        np.concatenate([part.estimated for part in parts]),
        np.concatenate([part.modelled for part in parts]),
    )
    return whole.take(np.argsort(whole.at_s, kind="stable"))


def merged(kept: Samples, late: Samples) -> Samples:
    """``kept`` and those of ``late`` whose second it does not have: what is already there is left alone."""
    if kept.count == 0:
        return joined([late])
    return joined([kept, late.take(~np.isin(late.at_s, kept.at_s))])


def pack(samples: Samples) -> bytes:
    """The samples as bytes."""
    rows = [_packed_row(samples.at_s), _packed_row(samples.estimated), _packed_row(samples.modelled)]
    for channel, values in zip(CHANNELS, samples.values, strict=True):
        known = np.isfinite(values)
        gaps = _ALL if known.all() else _SOME if known.any() else _NONE
        rows.append(gaps + (np.packbits(known).tobytes() if gaps == _SOME else b""))
        rows.append(_packed_row(np.rint(values[known] * _PER_UNIT[channel]).astype(np.int64)))
    return _HEAD.pack(_VERSION, samples.count) + zlib.compress(b"".join(rows), _SMALLER)


def unpack(packed: bytes) -> Samples:
    """What ``pack`` was given, values to their resolution; raises :class:`Invalid` for other bytes."""
    try:
        version, count = _HEAD.unpack_from(packed)
        if version != _VERSION:
            raise Invalid.field("packed", f"is of version {version}, this program reads {_VERSION}")
        reader = _Reader(zlib.decompress(packed[_HEAD.size :]))
        at_s, estimated, modelled = (reader.row(count) for _ in range(3))
        values = np.full((len(CHANNELS), count), np.nan)
        for row in values:
            gaps = reader.byte()
            if gaps == _ALL:
                row[:] = reader.row(count)
            elif gaps == _SOME:
                known = reader.flags(count)
                row[known] = reader.row(int(known.sum()))
        values /= _DIVISORS
    except (struct.error, zlib.error, ValueError) as fault:
        raise Invalid.field("packed", f"is damaged: {fault}") from None
    return Samples(at_s, values, estimated, modelled)


def _packed_row(numbers: np.ndarray) -> bytes:
    """Whole numbers: the first, then zigzag differences of as few bytes as they need, byte by byte."""
    if len(numbers) == 0:
        return b""
    steps = np.diff(numbers)
    zigzag = ((steps << 1) ^ (steps >> 63)).astype("<u8")
    most = int(zigzag.max(initial=0))
    width = (most.bit_length() + 7) // 8
    planes = zigzag.view(np.uint8).reshape(-1, 8)[:, :width].T
    return _ROW.pack(int(numbers[0]), width) + planes.tobytes()


class _Reader:
    """Takes rows from unpacked bytes, one after the other."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def byte(self) -> bytes:
        """One byte."""
        self._at += 1
        return self._raw[self._at - 1 : self._at]

    def flags(self, count: int) -> np.ndarray:
        """So many booleans."""
        size = (count + 7) // 8
        bits = np.frombuffer(self._raw, np.uint8, size, self._at)
        self._at += size
        return np.unpackbits(bits, count=count).astype(bool)

    def row(self, count: int) -> np.ndarray:
        """So many whole numbers (number,)."""
        if count == 0:
            return np.empty(0, np.int64)
        first, width = _ROW.unpack_from(self._raw, self._at)
        self._at += _ROW.size
        size = width * (count - 1)
        zigzag = np.zeros(count - 1, "<i8")
        zigzag.view(np.uint8).reshape(-1, 8)[:, :width] = (
            np.frombuffer(self._raw, np.uint8, size, self._at).reshape(width, count - 1).T
        )
        self._at += size
        numbers = np.empty(count, np.int64)
        numbers[0] = first
        numbers[1:] = ((zigzag >> 1) & _NO_SIGN) ^ -(zigzag & 1)
        return np.cumsum(numbers, out=numbers)


def by_step(samples: Samples, step_s: int) -> tuple[Samples, np.ndarray]:
    """One sample per step that has any, at the step's start, and how many samples it holds (step,).

    Means, and the last value of ``LASTS``; a value is as good as the worst that went into its step.
    """
    if samples.count == 0:
        return samples, np.empty(0, np.int64)
    steps, first = np.unique(samples.at_s // step_s, return_index=True)
    known = ~np.isnan(samples.values)
    counts = np.add.reduceat(known, first, axis=1, dtype=np.int64)
    sums = np.add.reduceat(np.where(known, samples.values, 0.0), first, axis=1)
    values = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    order = np.where(known, np.arange(samples.count), -1)
    for i, channel in enumerate(CHANNELS):
        if channel in LASTS:
            last = np.maximum.reduceat(order[i], first)
            values[i] = np.where(last >= 0, samples.values[i, last], np.nan)
    masks = (np.bitwise_or.reduceat(mask, first) for mask in (samples.estimated, samples.modelled))
    return Samples(steps * step_s, values, *masks), np.diff([*first, samples.count])
