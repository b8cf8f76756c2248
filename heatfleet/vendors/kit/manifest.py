"""The manifest of a vendor folder: ``manifest.toml`` as a frozen value.

Every fault is an :class:`Invalid` whose location is the vendor and the key: whoever adds a vendor sees what to mend.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit.quota import Budget

E = TypeVar("E", bound=StrEnum)
NAME = re.compile(r"[a-z][a-z0-9]{1,40}")


class SignInKind(StrEnum):
    """The first step a person sees, see ``driver.SignInStep``."""

    REDIRECT = "redirect"
    FORM = "form"
    DEVICE_CODE = "device_code"
    PAIR = "pair"


@dataclass(frozen=True)
class ConfigKey:
    """One operator setting of a vendor.

    Keys ending in ``_url`` are hosts the driver may call wherever they resolve; ``networks`` are address ranges in
    which it may call whatever address a person typed.
    """

    help: str
    required: bool = True
    secret: bool = False
    default: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a vendor's folder says about itself."""

    name: str
    title: str
    brands: tuple[str, ...]
    countries: tuple[str, ...]
    sign_in: SignInKind
    channels: frozenset[Channel]
    levers: Mapping[Lever, LeverRange]
    on_contact_lost: str
    poll_interval_s: int = 300
    app_budgets: tuple[Budget, ...] = ()
    account_budgets: tuple[Budget, ...] = ()
    is_official: bool = True
    needs_gateway: bool = False
    is_local: bool = False  # in the owner's own network: what a gateway in the home can run
    is_quota_header_per_app: bool = False
    instructions: str = ""
    signup_link: str = ""
    config: Mapping[str, ConfigKey] = field(default_factory=dict)

    def missing_config(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Required settings that ``values`` lacks; empty when the vendor can be used."""
        return tuple(
            key for key, what in self.config.items() if what.required and not (values.get(key) or what.default)
        )

    def settled_config(self, values: Mapping[str, str]) -> dict[str, str]:
        """``values`` with the manifest's defaults filled in; raises :class:`Invalid` for missing or unknown keys."""
        wrong = [FieldError((self.name, key), "setting is required", "missing") for key in self.missing_config(values)]
        wrong += [FieldError((self.name, k), "no such setting", "extra") for k in values if k not in self.config]
        if wrong:
            raise Invalid(*wrong)
        return {key: values.get(key) or what.default for key, what in self.config.items()}


def parse_manifest(text: str, folder: str) -> Manifest:
    """The manifest in ``text``; raises :class:`Invalid` naming every wrong key of ``folder``."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise Invalid(FieldError((folder, "manifest.toml"), f"not TOML: {fault}", "toml")) from None
    keys = _Keys(folder, table)
    manifest = _read(keys)
    keys.no_others()
    if keys.errors:
        raise Invalid(*keys.errors)
    return manifest


def _read(keys: _Keys) -> Manifest:
    return Manifest(
        name=keys.take("name", _name),
        title=keys.take("title", _text),
        brands=keys.take("brands", _texts),
        countries=keys.take("countries", _countries),
        sign_in=keys.take("sign_in", _one_of(SignInKind)),
        channels=frozenset(keys.take("channels", _many_of(Channel))),
        levers=keys.take("levers", _levers),
        on_contact_lost=keys.take("on_contact_lost", _text),
        poll_interval_s=keys.take("poll_interval_s", _whole, default=300),
        app_budgets=keys.take("budget.app", _budgets, default=()),
        account_budgets=keys.take("budget.account", _budgets, default=()),
        is_quota_header_per_app=keys.take("budget.is_header_per_app", _flag, default=False),
        is_official=keys.take("is_official", _flag, default=True),
        needs_gateway=keys.take("needs_gateway", _flag, default=False),
        is_local=keys.take("is_local", _flag, default=False),
        instructions=keys.take("instructions", _text, default=""),
        signup_link=keys.take("signup_link", _text, default=""),
        config=keys.take("config", _config, default={}),
    )


class _Keys:
    """The keys of one manifest: takes each once, remembers what was wrong."""

    def __init__(self, folder: str, table: Mapping[str, Any]) -> None:
        self.folder, self.errors = folder, list[FieldError]()
        nested = {f"budget.{key}": value for key, value in _as_table(table.get("budget", {})).items()}
        self._left = {key: value for key, value in table.items() if key != "budget"} | nested

    def take(self, key: str, convert: Callable[[Any], Any], default: Any = None) -> Any:
        """The converted value of ``key``, or its default."""
        if key not in self._left:
            if default is None:
                self._wrong(key, "is required", "missing")
            return default if default is not None else ()
        try:
            return convert(self._left.pop(key))
        except (ValueError, TypeError) as fault:
            self._wrong(key, str(fault), "value_error")
            return default if default is not None else ()

    def no_others(self) -> None:
        """Remember every key that nobody took."""
        for key in self._left:
            self._wrong(key, "no such key", "extra")

    def _wrong(self, key: str, msg: str, kind: str) -> None:
        if not any(error.loc == (self.folder, key) for error in self.errors):
            self.errors.append(FieldError((self.folder, key), msg, kind))


def _as_table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"": value}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return value.strip()


def _name(value: Any) -> str:
    if not NAME.fullmatch(_text(value)):
        raise ValueError("must be lower-case letters and digits, and begin with a letter")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list that is not empty")
    return tuple(_text(item) for item in value)


def _countries(value: Any) -> tuple[str, ...]:
    for code in _texts(value):
        if not re.fullmatch(r"[A-Z]{2}|\*", code):
            raise ValueError(f"'{code}' is neither an ISO 3166 two-letter country nor '*'")
    return tuple(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number of at least 1")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return float(value)


def _one_of(kind: type[E]) -> Callable[[Any], E]:
    def convert(value: Any) -> E:
        if value not in set(kind):
            raise ValueError(f"unknown '{value}'; one of {', '.join(kind)}")
        return kind(value)

    return convert


def _many_of(kind: type[E]) -> Callable[[Any], tuple[E, ...]]:
    return lambda value: tuple(_one_of(kind)(item) for item in _texts(value))


def _budgets(value: Any) -> tuple[Budget, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list of {calls, per_s}")
    return tuple(_budget(item) for item in value)


def _budget(value: Any) -> Budget:
    _only(value, {"calls", "per_s"}, ("calls", "per_s"))
    return Budget(calls=_whole(value["calls"]), per_s=float(_whole(value["per_s"])))


_LEVER_KEYS = {"minimum", "maximum", "step", "slowest_repeat_h", "settle_h", "expires_by_itself"}


def _levers(value: Any) -> dict[Lever, LeverRange]:
    if not isinstance(value, Mapping):
        raise ValueError("must be tables such as [levers.curve_offset_k]")
    return {_one_of(Lever)(name): _lever(name, table) for name, table in value.items()}


def _lever(name: str, table: Any) -> LeverRange:
    try:
        _only(table, _LEVER_KEYS, ("minimum", "maximum", "step"))
        numbers = {key: _number(item) for key, item in table.items() if key != "expires_by_itself"}
        lever = LeverRange(**numbers, expires_by_itself=_flag(table.get("expires_by_itself", False)))
    except ValueError as fault:
        raise ValueError(f"{name}: {fault}") from None
    if lever.minimum >= lever.maximum or lever.step <= 0 or lever.settle_h < 0 or lever.slowest_repeat_h < 0:
        raise ValueError(f"{name}: needs minimum < maximum, step > 0 and no negative times")
    return lever


def _config(value: Any) -> dict[str, ConfigKey]:
    if not isinstance(value, Mapping):
        raise ValueError("must be tables such as [config.base_url]")
    for name, table in value.items():
        _only(table, {"help", "required", "secret", "default"}, ("help",), name)
    return {name: ConfigKey(**table) for name, table in value.items()}


def _only(table: Any, known: Iterable[str], required: Iterable[str], name: str = "") -> None:
    at = f"{name}: " if name else ""
    if not isinstance(table, Mapping):
        raise ValueError(f"{at}must be a table")
    for key in required:
        if key not in table:
            raise ValueError(f"{at}'{key}' is required")
    for key in table:
        if key not in set(known):
            raise ValueError(f"{at}no such key '{key}'")
