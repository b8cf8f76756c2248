"""Bodies and queries into values; every fault is named, all at once, as :class:`Invalid`.

Decimals come as numbers or numeric strings, instants with an offset; names the schema does not know are errors,
names it only answers are ignored.
"""

from __future__ import annotations

import base64
import binascii
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from heatfleet.domain.errors import FieldError, Invalid

T = TypeVar("T")
MAX_ITEMS = 500


@dataclass(frozen=True)
class _Field:
    """One field of a body: its type without ``UNSET``, and whether numeric strings count."""

    kind: Any
    is_required: bool
    takes_text: bool


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, _Field]:
    hints = get_type_hints(kind, include_extras=True)
    info = {field.name: field for field in msgspec.structs.fields(kind)}
    return {
        name: _Field(_without_unset(hints[name]), field.required, _takes_text(hints[name]))
        for name, field in info.items()
    }


def _without_unset(hint: Any) -> Any:
    if get_origin(hint) in {Union, types.UnionType}:
        return Union[tuple(arg for arg in get_args(hint) if arg is not msgspec.UnsetType)]  # noqa: UP007
    return hint


def _takes_text(hint: Any) -> bool:
    """Whether ``float`` is among the possible types."""
    return hint is float or any(_takes_text(arg) for arg in get_args(hint) if not isinstance(arg, str))


def read_json(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``."""
    try:
        body = msgspec.json.decode(raw)
    except RecursionError:
        raise Invalid(FieldError(("body",), "is nested too deeply", "json")) from None
    except (msgspec.MsgspecError, ValueError) as fault:
        raise Invalid(FieldError(("body",), f"is not valid JSON: {fault}", "json")) from None
    if not isinstance(body, dict):
        raise Invalid(FieldError(("body",), "must be a JSON object", "type"))
    return body


def read_body(raw: bytes, kind: type[msgspec.Struct], *, partial: bool, read_only: frozenset[str]) -> dict[str, Any]:
    """The fields that ``raw`` gives of ``kind``, converted; with ``partial`` none is required."""
    return read_fields(read_json(raw), kind, partial=partial, read_only=read_only)


def read_fields(
    body: Mapping[str, Any],
    kind: type[msgspec.Struct],
    *,
    partial: bool,
    read_only: frozenset[str] = frozenset(),
    within: tuple[str | int, ...] = ("body",),
) -> dict[str, Any]:
    """The fields that ``body`` gives of ``kind``; ``within`` says where it lies, for errors."""
    fields, errors, values = _fields(kind), list[FieldError](), dict[str, Any]()
    for name, value in body.items():
        field = fields.get(name)
        if field is None:
            if name not in read_only:
                errors.append(FieldError((*within, name[:100]), "is not a field of this object", "extra"))
            continue
        try:
            values[name] = _settled(msgspec.convert(_whole(value), field.kind, strict=not field.takes_text))
        except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as fault:
            errors.append(FieldError((*within, name), str(fault)[:300], "value"))
    if not partial:
        missing = [name for name, field in fields.items() if field.is_required and name not in body]
        errors += [FieldError((*within, name), "is required", "missing") for name in missing]
    if errors:
        raise Invalid(*errors[:MAX_ITEMS])
    return values


def _whole(value: Any) -> Any:
    """``3.0`` as ``3``: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def rename(body: dict[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """The body with other spellings replaced; both spellings with different values are :class:`Invalid`."""
    for other, name in aliases.items():
        if other not in body:
            continue
        value = body.pop(other)
        if body.setdefault(name, value) != value:
            raise Invalid.field(other, f"says something else than {name}", "conflict")
    return body


def _settled(value: Any) -> Any:
    """The value as the store takes it: UTC, finite, no NUL; raises ValueError."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("must not contain NUL")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _settled(key), _settled(item)
    elif isinstance(value, list):
        for item in value:
            _settled(item)
    return value


class Query:
    """The query's parameters, taken by name and type; unknown ones are ignored."""

    def __init__(self, raw: Mapping[str, str]) -> None:
        self._raw, self._errors = raw, list[FieldError]()

    def take(self, name: str, kind: type[T], default: Any = None) -> Any:
        """The parameter as ``kind``, or ``default``."""
        text = self._raw.get(name)
        if text is None or (text == "" and kind is str):
            return default
        try:
            is_strict = kind not in {bool, int, float}
            return _settled(msgspec.convert(text.lower() if kind is bool else text, kind, strict=is_strict))
        except (msgspec.ValidationError, ValueError, OverflowError) as fault:
            self._errors.append(FieldError(("query", name), str(fault)[:300], "value"))
            return default

    def page(self) -> tuple[UUID | None, int]:
        """``after`` (decoded) and ``limit``."""
        limit = self.take("limit", int, 500)
        if not 1 <= limit <= 500:
            self._errors.append(FieldError(("query", "limit"), "must lie between 1 and 500", "range"))
        return self._cursor(), limit

    def done(self) -> None:
        """Nothing when all was well; raises :class:`Invalid`."""
        if self._errors:
            raise Invalid(*self._errors)

    def _cursor(self) -> UUID | None:
        text = self._raw.get("after")
        if not text:
            return None
        try:
            return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            self._errors.append(FieldError(("query", "after"), "is not a cursor of ours", "cursor"))
            return None


def cursor(last: UUID) -> str:
    """The opaque cursor that goes on after ``last``."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()
