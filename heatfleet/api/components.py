"""The schema components: msgspec's own, with what it cannot say put in: dates, numeric strings, named enums, partial
bodies, constants.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from heatfleet.api.examples import example_of
from heatfleet.api.inputs import DeviceModelInput

REF: Final = "#/components/schemas/{name}"
Schema = dict[str, Any]
_NULL: Final = {"type": "null"}
_DECIMAL: Final = r"^-?\d{1,9}(\.\d{1,9})?$"
_BOUNDED: Final[dict[tuple[Any, Any], str]] = {
    (-90, 90): r"^-?([0-8]?\d(\.\d{1,9})?|90(\.0{1,9})?)$",
    (-180, 180): r"^-?((\d{1,2}|1[0-7]\d)(\.\d{1,9})?|180(\.0{1,9})?)$",
    (5, 35): r"^(([5-9]|[12]\d|3[0-4])(\.\d{1,9})?|35(\.0{1,9})?)$",
    (30, 65): r"^(([3-5]\d|6[0-4])(\.\d{1,9})?|65(\.0{1,9})?)$",
    (-5, 5): r"^-?([0-4](\.\d{1,9})?|5(\.0{1,9})?)$",
    (0, 1_000_000): r"^(\d{1,6}(\.\d{1,9})?|1000000)$",
}
"""How a decimal within these bounds is spelled as a string."""
_ENUM_NAMES: Final = {
    frozenset({"ok", "warning", "error", "unknown"}): "DeviceStatus",
    frozenset({"success", "fail"}): "ActionState",
    frozenset({"client_credentials", "password", "refresh_token"}): "GrantType",
}
"""Enums whose name does not follow from the field they are in."""
_ZONE_INPUT: Final = "PriceZoneInput"


def components(kinds: Iterable[Any], changed: Iterable[Any]) -> dict[str, Schema]:
    """Every component reachable from ``kinds`` (Structs), by name; ``changed`` also come as partial bodies."""
    structs = {kind.__name__: kind for kind in _structs({*kinds, DeviceModelInput})}
    _, schemas = msgspec.json.schema_components([structs[name] for name in sorted(structs)], ref_template=REF)
    schemas[_ZONE_INPUT] = {
        "description": "A price zone; DE means DE_LU.",
        "anyOf": [{"$ref": REF.format(name="PriceZone")}, {"const": "DE"}],
    }
    for name, kind in structs.items():
        _say_dates(kind, schemas[name])
        if name.endswith("Input"):
            _say_inputs(schemas[name])
    _name_enums(schemas)
    for name in sorted(kind.__name__ for kind in changed if kind is not None):
        if schemas[name].get("required"):
            schemas[change_of(name, schemas)] = _change(name, schemas[name])
    for name, schema in schemas.items():
        schema.setdefault("title", name)
        _tidy(schema)
    for name, schema in schemas.items():
        if "properties" in schema:
            schema["examples"] = [example_of(name, schemas)]
    return dict(sorted(schemas.items()))


def change_of(name: str, schemas: dict[str, Schema]) -> str:
    """The component of a partial body of the input ``name``: itself when it requires nothing anyway."""
    return name.removesuffix("Input") + "Change" if schemas[name].get("required") else name


def _change(name: str, schema: Schema) -> Schema:
    said = {"description": f"Any of the fields of {name}; what is left out stays as it is.", "type": "object"}
    return {**said, "properties": schema["properties"], "additionalProperties": False}


def _structs(kinds: Iterable[Any]) -> set[Any]:
    """The Structs among ``kinds`` and those their fields lead to."""
    found, waiting = set[Any](), list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            found.add(kind)
            waiting += [part for hint in get_type_hints(kind).values() for part in _parts(hint)]
    return found


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for arg in get_args(hint):
        yield from _parts(arg)


def _say_dates(kind: Any, schema: Schema) -> None:
    """Instants are strings of a format, with or without a zone in the type."""
    for name, hint in get_type_hints(kind).items():
        options = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
        if datetime in options and name in schema["properties"]:
            for option in _options(schema["properties"][name]):
                if option.get("type") == "string":
                    option["format"] = "date-time"


def _options(schema: Schema) -> list[Schema]:
    options: list[Schema] = schema.get("anyOf", [schema])
    return options


def _say_inputs(schema: Schema) -> None:
    """Unknown names are errors, decimals may be numeric strings, zones have one more spelling."""
    schema["additionalProperties"] = False
    for name, field in schema["properties"].items():
        if name.startswith("price_zone"):
            zone = {"$ref": REF.format(name=_ZONE_INPUT)}
            schema["properties"][name] = {"anyOf": [zone, _NULL]} if _NULL in _options(field) else zone
        elif name == "device_model":
            field["anyOf"] = [{"$ref": REF.format(name="DeviceModelInput")}, _NULL]
        else:
            _take_text(field)


def _take_text(field: Schema) -> None:
    numbers = [option for option in _options(field) if option.get("type") == "number"]
    for number in numbers:
        bounds = number.get("minimum"), number.get("maximum")
        pattern = _BOUNDED.get(bounds, _DECIMAL)
        text = {"type": "string", "pattern": pattern, "description": "The number as a text."}
        if "anyOf" in field:
            field["anyOf"].insert(1, text)
        else:
            bare = {k: number.pop(k) for k in ("type", "minimum", "maximum") if k in number}
            number["anyOf"] = [bare, text]


def _name_enums(schemas: dict[str, Schema]) -> None:
    """Enums within other components become components of their own; of one value, constants."""
    named = {frozenset(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    for owner, schema in list(schemas.items()):
        for field, value in schema.get("properties", {}).items():
            for option in [value, *value.get("anyOf", ()), *_items(value)]:
                if "enum" not in option:
                    continue
                values = option.pop("enum")
                if len(values) == 1:
                    option["const"] = values[0]
                    continue
                wanted = _ENUM_NAMES.get(frozenset(values), _camel(field))
                free = wanted if wanted not in schemas else f"{owner.removesuffix('Output')}{_camel(field)}"
                name = named.setdefault(frozenset(values), free)
                schemas.setdefault(name, {"enum": values})
                option["$ref"] = REF.format(name=name)


def _items(value: Schema) -> list[Schema]:
    return [value["items"]] if isinstance(value.get("items"), dict) else []


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_)([a-z])", lambda found: found.group(1).upper(), name)


def _tidy(schema: Schema) -> None:
    """Enums are strings; no empty lists, no defaults that say nothing, no reST in prose."""
    if "enum" in schema:
        schema["type"] = "string"
    if schema.get("required") == []:
        del schema["required"]
    if "description" in schema:
        schema["description"] = schema["description"].replace("``", "`")
    for field in schema.get("properties", {}).values():
        if field.get("default", False) is None:
            del field["default"]
