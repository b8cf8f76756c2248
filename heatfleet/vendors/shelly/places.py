"""Where the contacts of a heat pump are, as a person types it: addresses of relays, with ``#1`` for a channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from urllib.parse import urlsplit

import msgspec

from heatfleet.domain.errors import Refused

MAX_PUMPS = 8
_ADDRESS = re.compile(r"(https?://)?(\[[0-9a-fA-F:.]+\]|[\w.\-]+)(:\d{1,5})?(/[\w.\-/]*)?", re.ASCII)


class Place(msgspec.Struct, frozen=True):
    """One contact: which channel of which relay; channel None = not yet known."""

    url: str
    channel: int | None = None


class Wiring(msgspec.Struct, frozen=True):
    """The contacts of one heat pump, and the meter on its supply."""

    k1: Place | None
    k2: Place | None
    meter: str | None = None


def parse_wirings(answer: Mapping[str, str]) -> list[Wiring]:
    """The pumps in the form's answer; several are separated by commas. :class:`Refused` for what is no address."""
    columns = [_parts(answer.get(name, "")) for name in ("contact_1", "contact_2", "meter")]
    rows = [[text or "" for text in row] for row in zip_longest(*columns)]
    if not 1 <= len(rows) <= MAX_PUMPS:
        raise Refused(f"name the contacts of 1 to {MAX_PUMPS} heat pumps", code="bad_address")
    return [_wiring(row) for row in rows]


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _wiring(row: Sequence[str]) -> Wiring:
    k1, k2 = _place(row[0]), _place(row[1])
    if k1 is None and k2 is None:
        raise Refused("a heat pump needs at least one contact", code="bad_address")
    return Wiring(k1, k2, _url(row[2]) if row[2] else None)


def _place(text: str) -> Place | None:
    address, _, channel = text.partition("#")
    if not address:
        return None
    if channel and not re.fullmatch(r"[0-3]", channel):
        raise Refused("a channel is a number from 0 to 3", code="bad_address")
    return Place(_url(address), int(channel) if channel else None)


def _url(text: str) -> str:
    """``text`` as an address without a slash at its end; nothing but scheme, host, port and path may be in it."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise Refused("not the address of a relay", code="bad_address")
    url = text.strip() if found[1] else f"http://{text.strip()}"
    if urlsplit(url).username is not None:
        raise Refused("not the address of a relay", code="bad_address")
    return url.rstrip("/")
