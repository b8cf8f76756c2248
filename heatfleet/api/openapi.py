"""The OpenAPI 3.1 document, made from the handlers' own ``Doc``; component names are part of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler

from heatfleet.api.components import REF, change_of, components
from heatfleet.api.examples import ERROR_ITEM, EXAMPLES, IDS
from heatfleet.api.inputs import TokenInput
from heatfleet.api.operation import PATH_ID, Doc, Param
from heatfleet.api.problems import MEDIA_TYPE, TITLES, Problem
from heatfleet.api.schemas import OAuthErrorOutput
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import TABLE, Reach

VERSION = "2.0"
_JSON = "application/json"
_ID_WORDS = {
    "org_id": "The organisation",
    "user_id": "The user the object belongs to",
    "session_id": "The onboarding session",
    "cue_id": "The action",
    "client_id": "The machine client",
    "contract_id": "The energy contract",
}
_TAGS = {
    "Authentication": "Access tokens, who they speak for, and the keys that verify them.",
    "Organisation": "The organisation's own settings.",
    "Clients": "Machine clients of the organisation and their secrets.",
    "Grid limits": "What the grid operator lets groups of heat pumps draw, and the proof of what they did.",
    "Users": "People of the organisation: end users, staff, administrators.",
    "Privacy": "What is kept of a person: export and erasure.",
    "Buildings": "Buildings of a user.",
    "Energy Contracts": "What a user pays for energy.",
    "User Heat Pumps": "Heat pumps of one user: what their owner allows, and what they do.",
    "Heat Pumps": "The organisation's whole fleet.",
    "Telemetry": "Readings of a heat pump.",
    "Plans": "What a heat pump is going to do and why, and what was sent to it.",
    "Statistics": "Consumption and savings.",
    "Catalogue": "Device models and cloud services that can be connected.",
    "Device Onboarding": "Connecting a heat pump: sessions of the Connect page.",
    "Actions": "What an owner or partner must do before a device works again, and messages.",
    "Audit": "Who changed what and when.",
    "Server": "Health of the server.",
}
_DESCRIPTION = """\
One interface to a fleet of heat pumps: users, buildings, devices, what their owners allow, and what they do.

Create answers 200, delete 204. `PUT` is partial and the same as `PATCH`. Instants are RFC 3339 with an offset and are
answered in UTC. Decimals may be sent as numbers or numeric strings. Texts contain no NUL character. Fields that are
only answered may be sent along and are ignored.

**Lists are bare JSON arrays of at most `limit` (default and most: 500) items. While there is more, the answer carries
`Link: <…>; rel="next"`: follow it, or the rest of a large fleet goes unseen.**

Errors are problem documents (RFC 9457); 422 names every wrong field. Single objects carry an `ETag` of their writable
settings, `If-Match` is honoured. `Idempotency-Key` is honoured on every POST but the token endpoint for 24 hours.
"""
_HEADERS: dict[str, tuple[str, str, bool]] = {
    "X-Request-Id": ("string", "Yours if you sent one, else made; also in logs and problem documents.", True),
    "X-Fleet-Time": ("string", "The fleet's clock, where it differs from the wall clock (demo).", False),
    "RateLimit-Limit": ("integer", "Requests per minute this client may send.", True),
    "RateLimit-Remaining": ("integer", "How many are left.", True),
    "RateLimit-Reset": ("integer", "Seconds until all are there again.", True),
    "ETag": ("string", "Version of the writable settings, for If-Match.", True),
    "Link": ("string", 'Next page, rel="next", while there is more.', False),
    "Retry-After": ("integer", "Seconds to wait before asking again.", False),
    "WWW-Authenticate": ("string", "How to sign in: Bearer, or Basic at the token endpoint.", True),
}
_ALWAYS = ("X-Request-Id", "X-Fleet-Time")
_COUNTED = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def build_openapi(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """The document for all handlers that carry a ``Doc``."""
    documented = [(handler, handler.opt["doc"]) for handler in handlers if "doc" in handler.opt]
    docs = [doc for _, doc in documented]
    changed = {handler.opt["doc"].body for handler, _ in documented if {"PUT", "PATCH"} & {*handler.http_methods}}
    shown = {kind for doc in docs for kind in (doc.answer, doc.body)}
    schemas = components(shown | {Problem, OAuthErrorOutput}, changed)
    tags = dict.fromkeys(doc.tag for doc in docs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "heatfleet Partner API",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": _TAGS.get(tag, "")} for tag in tags],
        "paths": _paths(documented, schemas),
        "components": {
            "schemas": schemas,
            "headers": {name: _header(*said) for name, said in _HEADERS.items()},
            "securitySchemes": {"OAuth2": _security()},
        },
    }


def _header(kind: str, description: str, is_required: bool) -> dict[str, Any]:
    return {"description": description, "required": is_required, "schema": {"type": kind}}


def _security() -> dict[str, Any]:
    flow = {"tokenUrl": f"{BASE}/auth/token", "scopes": {}}
    return {"type": "oauth2", "flows": {"password": flow, "clientCredentials": flow}}


def _paths(documented: list[tuple[HTTPRouteHandler, Doc]], schemas: dict[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for handler, doc in documented:
        path = sorted(handler.paths, key=lambda p: not p.startswith(BASE))[0]
        item = paths.setdefault(PATH_ID.sub(r"{\1}", path), {})
        for method in sorted(handler.http_methods, reverse=True):
            if method not in {"OPTIONS", "HEAD"}:
                item[method.lower()] = _operation(doc, method, path, schemas)
    return paths


def _operation(doc: Doc, method: str, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    path_params = PATH_ID.findall(path)
    operation: dict[str, Any] = {
        "operationId": doc.id if method != "PATCH" else doc.id.replace("update_", "patch_"),
        "summary": doc.summary,
        "tags": [doc.tag],
        "parameters": [*map(_path_param, path_params), *map(_query_param, doc.query), *_header_params(doc, method)],
        "responses": _responses(doc, method, path.startswith(BASE), schemas),
        "security": [] if doc.is_open else [{"OAuth2": []}],
    }
    if doc.description:
        operation["description"] = doc.description
    if doc.body is not None:
        operation["requestBody"] = {"required": True, "content": _body(doc.body, method, schemas)}
    return operation


def _body(kind: type[msgspec.Struct], method: str, schemas: dict[str, Any]) -> dict[str, Any]:
    name = change_of(kind.__name__, schemas) if method in {"PUT", "PATCH"} else kind.__name__
    content = _content({"$ref": REF.format(name=name)}, schemas[name]["examples"][0])
    return {"application/x-www-form-urlencoded": content, _JSON: content} if kind is TokenInput else {_JSON: content}


def _content(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"schema": schema, "examples": {"example": {"value": example}}}


def _path_param(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "format": "uuid"}
    words = _ID_WORDS.get(name, "The " + name.removesuffix("_id").replace("_", " "))
    said = {"in": "path", "name": name, "required": True, "schema": schema, "description": words}
    return said | ({"example": IDS[name]} if name in IDS else {})


def _query_param(param: Param) -> dict[str, Any]:
    kinds: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer", "minimum": 1, "maximum": 500},
        UUID: {"type": "string", "format": "uuid"},
        date: {"type": "string", "format": "date"},
        datetime: {"type": "string", "format": "date-time"},
    }
    one_of = isinstance(param.kind, tuple)
    schema = {"type": "string", "enum": list(param.kind)} if one_of else dict(kinds.get(param.kind, {"type": "string"}))
    if param.name == "after":
        schema["pattern"] = "^([A-Za-z0-9_-]{22})?$"
    if param.default is not None:
        schema["default"] = param.default
    return {"in": "query", "name": param.name, "required": False, "schema": schema, "description": param.description}


def _header_params(doc: Doc, method: str) -> list[dict[str, Any]]:
    def header(name: str, description: str, **more: Any) -> dict[str, Any]:
        schema = {"type": "string", **more}
        return {"in": "header", "name": name, "required": False, "schema": schema, "description": description}

    found = []
    if method == "POST" and not doc.is_open:
        words = "Repeat a request safely: same key, same answer, for 24 hours."
        found.append(header("Idempotency-Key", words, minLength=1, maxLength=255))
    if 412 in _errors(doc, method):
        found.append(header("If-Match", "The ETag last seen; 412 when somebody changed it since."))
    return found


def _responses(doc: Doc, method: str, is_counted: bool, schemas: dict[str, Any]) -> dict[str, Any]:
    headers = _ALWAYS + (_COUNTED if is_counted or doc.is_list else ())
    more = (("ETag",) if doc.has_version and doc.answer is not None else ()) + (("Link",) if doc.is_list else ())
    good = {"description": "OK" if doc.status == 200 else "Done", "headers": _headers(*headers, *more)}
    if doc.answer is not None:
        schema: dict[str, Any] = {"$ref": REF.format(name=doc.answer.__name__)}
        example = schemas[doc.answer.__name__]["examples"][0]
        content = _content({"type": "array", "items": schema}, [example]) if doc.is_list else _content(schema, example)
        good["content"] = {_JSON: content}
    elif doc.status == 200:
        good["content"] = {_JSON: _content({"type": "object"}, {})}
    errors = {str(status): _error(status, doc, headers) for status in sorted(_errors(doc, method))}
    return {str(doc.status): good} | errors


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _errors(doc: Doc, method: str) -> set[int]:
    """The statuses besides the good one: what follows from rights, ids, bodies and versions, and ``doc.errors``."""
    if doc.body is TokenInput:
        return {400, 401, 413, 429, 503}
    found = {*doc.errors, 429}
    if not doc.is_open:
        found |= {401, 503}
    if doc.right is not None:
        found |= {404} | ({403} if {Reach.NONE, Reach.END_USERS} & {*TABLE[doc.right].values()} else set())
    if doc.body is not None:
        found |= {413, 422, 503}
    if doc.query:
        found |= {422}
    if method == "POST" and not doc.is_open:
        found |= {409, 413, 422}
    if method in {"PUT", "PATCH", "DELETE"} and doc.has_version:
        found |= {412}
    return found


def _error(status: int, doc: Doc, headers: tuple[str, ...]) -> dict[str, Any]:
    content = {MEDIA_TYPE: _problem(status)}
    if doc.body is TokenInput:
        oauth = _content({"$ref": REF.format(name="OAuthErrorOutput")}, EXAMPLES["OAuthErrorOutput"])
        content = {_JSON: oauth} if status in {400, 401} else {_JSON: oauth, **content} if status == 429 else content
    named = _headers(*headers, *_OF_STATUS.get(status, ()))
    return {"description": TITLES[status], "headers": named, "content": content}


def _problem(status: int) -> dict[str, Any]:
    """The problem document of one status: the one schema, for clients' sake, and an example of its own."""
    example = EXAMPLES["Problem"] | {"title": TITLES[status], "status": status, "detail": TITLES[status] + "."}
    if status == 422:
        example |= {"detail": "Some fields are not valid.", "errors": [ERROR_ITEM]}
    return _content({"$ref": REF.format(name="Problem")}, example)
