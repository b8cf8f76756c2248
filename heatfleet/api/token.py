"""The token endpoint: form or JSON, client by HTTP Basic or in the body."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import TokenInput
from heatfleet.api.operation import Doc, answer, operation
from heatfleet.api.parse import read_json
from heatfleet.api.services import BASE
from heatfleet.auth.errors import OAuthError, invalid_client
from heatfleet.auth.sign_in import TokenAnswer, TokenRequest
from heatfleet.domain.errors import Invalid

_FIELDS = ("grant_type", "client_id", "client_secret", "username", "password", "refresh_token", "scope")
_DOC = Doc(
    "create_token",
    "Get an access token",
    "Authentication",
    answer=TokenAnswer,
    body=TokenInput,
    is_open=True,
    description="`client_credentials` for servers (36000 s, no refresh token), `password` for people, `refresh_token`"
    " (each is good once; one that comes back a second time ends its whole family).",
)


@operation("POST", [f"{BASE}/auth/token", "/oauth2/token"], _DOC)
async def create_token(call: Call) -> ApiResponse:
    """Tokens, or an RFC 6749 error."""
    fields = _read(call.request.headers.get("content-type", ""), await call.body())
    fields |= _basic(call.request.headers.get("authorization"), fields)
    wanted = {name: fields[name] for name in _FIELDS if fields.get(name)}
    if "grant_type" not in wanted:
        raise OAuthError("invalid_request", "grant_type is required.")
    tokens = await call.services.sign_in.token(TokenRequest(**wanted, address=call.address))
    return answer(tokens, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _read(content_type: str, raw: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() == "application/json":
        try:
            fields = read_json(raw)
        except Invalid as fault:
            raise OAuthError("invalid_request", str(fault)) from None
    else:
        try:
            pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise OAuthError("invalid_request", "The body is not a form.") from None
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise OAuthError("invalid_request", "A parameter is repeated.")
    for name in _FIELDS:
        value = fields.get(name)
        if value is not None and (not isinstance(value, str) or "\x00" in value or len(value) > 4096):
            raise OAuthError("invalid_request", f"{name} must be a text.")
    return fields


def _basic(header: str | None, fields: dict[str, Any]) -> dict[str, str]:
    """Client id and secret from HTTP Basic, percent-decoded as RFC 6749 §2.3.1 wants it."""
    kind, _, encoded = (header or "").partition(" ")
    if kind.lower() != "basic":
        return {}
    if fields.get("client_secret"):
        raise OAuthError("invalid_request", "Send the client's secret one way only.")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_client() from None
    client_id, _, secret = (unquote_plus(part) for part in text.partition(":"))
    if fields.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "The body names another client than the Authorization header.")
    return {"client_id": client_id, "client_secret": secret}


HANDLERS = (create_token,)
