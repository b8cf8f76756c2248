"""The OpenAPI 3.1 document, made from the handlers' own ``Doc``; component names are part of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler

from heatfleet.api.examples import EXAMPLES
from heatfleet.api.inputs import DeviceModelInput, TokenInput
from heatfleet.api.operation import PATH_ID, Doc, Param
from heatfleet.api.problems import MEDIA_TYPE, TITLES, Problem
from heatfleet.api.schemas import OAuthErrorOutput
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import TABLE, Reach

VERSION = "2.0"
_REF = "#/components/schemas/{name}"
_ID_WORDS = {
    "org_id": "The organisation",
    "user_id": "The user the object belongs to",
    "heat_pump_id": "The heat pump",
    "building_id": "The building",
    "contract_id": "The energy contract",
    "client_id": "The machine client",
    "cue_id": "The action",
    "session_id": "The onboarding session",
}
_DESCRIPTION = """\
One interface to a fleet of heat pumps: users, buildings, devices, what their owners allow, and what they do.

Create answers 200, delete 204. `PUT` is partial and the same as `PATCH`. Instants are RFC 3339 with an offset and are
answered in UTC. Decimals may be sent as numbers or numeric strings.

**Lists are bare JSON arrays of at most `limit` (default and most: 500) items. While there is more, the answer carries
`Link: <…>; rel="next"`: follow it, or the rest of a large fleet goes unseen.**

Errors are problem documents (RFC 9457); 422 names every wrong field. Single objects carry an `ETag` of their writable
settings, `If-Match` is honoured. `Idempotency-Key` is honoured on every POST but the token endpoint for 24 hours.
"""


def build_openapi(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The document for all handlers that carry a ``Doc``."""
    documented = [(handler, handler.opt["doc"]) for handler in handlers if "doc" in handler.opt]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "heatfleet Partner API",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(doc.tag for _, doc in documented)],
        "paths": _paths(documented),
        "components": _components([doc for _, doc in documented]),
    }


def _components(docs: list[Doc]) -> dict[str, Any]:
    kinds = {kind for doc in docs for kind in (doc.answer, doc.body) if kind is not None}
    kinds |= {Problem, OAuthErrorOutput, DeviceModelInput}
    _, schemas = msgspec.json.schema_components(sorted(kinds, key=lambda k: k.__name__), ref_template=_REF)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    device_model = schemas["HeatPumpInput"]["properties"]["device_model"]
    device_model["anyOf"] = [{"$ref": _REF.format(name="DeviceModelInput")}, {"type": "null"}]
    for name, schema in schemas.items():
        schema.setdefault("title", name)
        if name.endswith("Input"):
            schema["additionalProperties"] = False
    return {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"OAuth2": _security()}}


def _security() -> dict[str, Any]:
    flow = {"tokenUrl": f"{BASE}/auth/token", "scopes": {}}
    return {"type": "oauth2", "flows": {"password": flow, "clientCredentials": flow}}


def _paths(documented: list[tuple[HTTPRouteHandler, Doc]]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for handler, doc in documented:
        path = sorted(handler.paths, key=lambda p: not p.startswith(BASE))[0]
        item = paths.setdefault(PATH_ID.sub(r"{\1}", path), {})
        for method in sorted(handler.http_methods, reverse=True):
            if method not in {"OPTIONS", "HEAD"}:
                item[method.lower()] = _operation(doc, method, PATH_ID.findall(path))
    return paths


def _operation(doc: Doc, method: str, path_params: list[str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": doc.id if method != "PATCH" else doc.id.replace("update_", "patch_"),
        "summary": doc.summary,
        "tags": [doc.tag],
        "parameters": [*map(_path_param, path_params), *map(_query_param, doc.query), *_header_params(doc, method)],
        "responses": _responses(doc, method),
        "security": [] if doc.is_open else [{"OAuth2": []}],
    }
    if doc.description:
        operation["description"] = doc.description
    if doc.body is not None:
        operation["requestBody"] = {"required": True, "content": _body(doc.body, method)}
    return operation


def _body(kind: type[msgspec.Struct], method: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REF.format(name=kind.__name__)}
    content = {"schema": schema, "examples": _example(kind.__name__)}
    if kind is TokenInput:
        return {"application/x-www-form-urlencoded": content, "application/json": content}
    if method in {"PUT", "PATCH"} and kind.__name__ != "HeatPumpInput":
        content["schema"] = {"description": f"Any of the fields of {kind.__name__}.", "type": "object"}
    return {"application/json": content}


def _example(name: str) -> dict[str, Any]:
    return {"example": {"value": EXAMPLES[name]}} if name in EXAMPLES else {}


def _path_param(name: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "uuid"}
    return {"in": "path", "name": name, "required": True, "schema": schema, "description": _ID_WORDS[name]}


def _query_param(param: Param) -> dict[str, Any]:
    kinds: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer", "minimum": 1, "maximum": 500},
        UUID: {"type": "string", "format": "uuid"},
        datetime: {"type": "string", "format": "date-time"},
    }
    one_of = isinstance(param.kind, tuple)
    schema = {"type": "string", "enum": list(param.kind)} if one_of else dict(kinds[param.kind])
    if param.default is not None:
        schema["default"] = param.default
    return {"in": "query", "name": param.name, "required": False, "schema": schema, "description": param.description}


def _header_params(doc: Doc, method: str) -> list[dict[str, Any]]:
    def header(name: str, description: str) -> dict[str, Any]:
        schema = {"type": "string"}
        return {"in": "header", "name": name, "required": False, "schema": schema, "description": description}

    found = []
    if method == "POST" and not doc.is_open:
        found.append(header("Idempotency-Key", "Repeat a request safely: same key, same answer, for 24 hours."))
    if 412 in _errors(doc, method):
        found.append(header("If-Match", "The ETag last seen; 412 when somebody changed it since."))
    return found


def _responses(doc: Doc, method: str) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "OK" if doc.status == 200 else "Done"}
    if doc.answer is not None:
        schema: dict[str, Any] = {"$ref": _REF.format(name=doc.answer.__name__)}
        if doc.is_list:
            schema = {"type": "array", "items": schema}
            good["headers"] = {"Link": {"schema": {"type": "string"}, "description": 'rel="next" while there is more'}}
        good["content"] = {"application/json": {"schema": schema}}
    elif doc.status == 200:
        good["content"] = {"application/json": {"schema": {"type": "object"}}}
    if doc.has_version and doc.answer is not None:
        good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Version of the writable settings"}}
    if doc.body is TokenInput:
        return {"200": good} | {str(status): _oauth_error(status) for status in (400, 401, 429)}
    return {str(doc.status): good} | {str(status): _problem(status) for status in sorted(_errors(doc, method))}


def _errors(doc: Doc, method: str) -> set[int]:
    """The statuses besides the good one: what follows from rights, ids, bodies and versions, and ``doc.errors``."""
    found = {*doc.errors, 429}
    if not doc.is_open:
        found |= {401}
    if doc.right is not None:
        found |= {404} | ({403} if {Reach.NONE, Reach.END_USERS} & {*TABLE[doc.right].values()} else set())
    if doc.body is not None:
        found |= {413, 422}
    if doc.query:
        found |= {422}
    if method == "POST" and not doc.is_open:
        found |= {409, 413}
    if method in {"PUT", "PATCH", "DELETE"} and doc.has_version:
        found |= {412}
    return found


def _problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {"description": TITLES[status], "content": content}


def _oauth_error(status: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name="OAuthErrorOutput")}}}
    return {"description": TITLES[status], "content": content}
