"""The OpenAPI document: valid, complete, true to its own examples, and the committed one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from heatfleet.api.components import components
from heatfleet.api.openapi import build_openapi
from heatfleet.api.routes import HANDLERS
from tests.api_server import Api

GOLDEN = Path(__file__).parents[2] / "clients" / "python" / "openapi.json"
SCHEMA = build_openapi(HANDLERS)
COMPONENTS = SCHEMA["components"]["schemas"]
OPERATIONS = {op["operationId"]: (method, op) for item in SCHEMA["paths"].values() for method, op in item.items()}


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body and answer of every operation."""
    for name, (_, operation) in OPERATIONS.items():
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{name} body", media
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values():
                yield f"{name} {status}", media


def test_it_is_a_valid_openapi_document() -> None:
    """Apart from the token URL, which OpenAPI wants absolute and the partners' documents have relative."""
    text = json.dumps(SCHEMA).replace('"tokenUrl": "/', '"tokenUrl": "https://server.example/')
    schemathesis.openapi.from_dict(json.loads(text)).validate()


async def test_what_is_served_is_what_was_committed(api: Api, request: pytest.FixtureRequest) -> None:
    """Nothing of the contract changes unnoticed: who changes it on purpose renews the file and reads its difference."""
    served = (await api.call("GET", "/openapi.json", token=None)).body
    text = json.dumps(served, indent=1, ensure_ascii=False) + "\n"
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    committed = GOLDEN.read_text(encoding="utf-8")
    assert text == committed, "renew it: python -m pytest tests/api/test_openapi.py --update-golden"


@pytest.mark.parametrize(("where", "media"), [pytest.param(*found, id=found[0]) for found in contents()])
def test_every_body_and_answer_has_an_example_that_is_true(where: str, media: dict[str, Any]) -> None:
    document = {**media["schema"], "components": SCHEMA["components"]}
    validator = jsonschema_rs.Draft202012Validator(document, validate_formats=True)
    for example in media["examples"].values():
        faults = [f"{fault.instance_path}: {fault.message}" for fault in validator.iter_errors(example["value"])]
        assert not faults, "write one in heatfleet/api/examples.py"


def test_tags_and_operations_say_what_they_are() -> None:
    assert [tag["name"] for tag in SCHEMA["tags"] if not tag["description"]] == []
    assert max(map(len, OPERATIONS)) <= 40
    assert [name for name, (_, op) in OPERATIONS.items() if not op["summary"] or len(op["tags"]) != 1] == []


def test_partial_bodies_name_their_fields_and_require_none() -> None:
    for name, (method, operation) in OPERATIONS.items():
        if method in {"put", "patch"}:
            (media,) = operation["requestBody"]["content"].values()
            component = COMPONENTS[media["schema"]["$ref"].rpartition("/")[2]]
            assert component["properties"], name
            assert not component.get("required"), name
            assert component["additionalProperties"] is False


def test_enums_are_components() -> None:
    def enums(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [path] * ("enum" in value) + [p for key, item in value.items() for p in enums(item, f"{path}/{key}")]
        return [found for item in value for found in enums(item, path)] if isinstance(value, list) else []

    bare = [found for name, schema in COMPONENTS.items() for found in enums(schema, name) if "/" in found]
    assert [found for found in bare if "/examples" not in found] == []
    assert COMPONENTS["HeatPumpDetailOutput"]["properties"]["price_zone"]["$ref"] == "#/components/schemas/PriceZone"
    assert COMPONENTS["PriceZone"]["type"] == "string"


def test_enums_of_one_field_name_and_different_values_are_different_components() -> None:
    parent = components([_Walk, _Ride], ())
    assert parent["Pace"]["enum"] != parent["_WalkPace"]["enum"]


class _Ride(msgspec.Struct):
    """Fast."""

    pace: Literal["trot", "gallop"]


class _Walk(msgspec.Struct):
    """Slow."""

    pace: Literal["stroll", "march"]


def test_answers_name_their_headers() -> None:
    for name, (_, operation) in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"], name
            assert ("Retry-After" in answer["headers"]) == (status in {"429", "503"}), name
            assert ("WWW-Authenticate" in answer["headers"]) == (status == "401"), name
    assert "ETag" in OPERATIONS["retrieve_heat_pump"][1]["responses"]["200"]["headers"]
    assert "Link" in OPERATIONS["list_heat_pumps"][1]["responses"]["200"]["headers"]


def test_problems_are_told_per_status() -> None:
    for name, (_, operation) in OPERATIONS.items():
        for status, answer in operation["responses"].items():
            problem = answer.get("content", {}).get("application/problem+json")
            if status >= "400" and name != "create_token":
                assert problem is not None, (name, status)
            if problem:
                assert problem["examples"]["example"]["value"]["status"] == int(status)


def test_nothing_names_another_product() -> None:
    assert "pod" + "ero" not in json.dumps(SCHEMA).lower()
