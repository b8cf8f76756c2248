"""An OAuth2 server: authorization code through a plain sign-in page, short access tokens, rotating refresh tokens.

A refresh token that comes back after it was used revokes its whole family, as good vendors do. Times are wall time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from heatfleet.domain.clock import Clock
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.pages import SignInText, sign_in_page

T = TypeVar("T")

CODE_LIFE = timedelta(seconds=60)
MAX_TOKENS = 200_000
MAX_USED = 5_000
_PLAIN_ADDRESS = re.compile(r"https?://[\w.\-:\[\]]+(/[!-~]*)?", re.ASCII)  # no user info, nothing that breaks a header
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Account:
    """One account of the vendor; passwords of demo accounts are no secret."""

    account_id: str
    username: str
    password: str


@dataclass
class Token:
    """What a code or token stands for."""

    account_id: str
    family: str
    expires_at: datetime | None = None
    redirect_uri: str = ""
    scope: str = ""


@dataclass
class OAuthServer:
    """Signs people in and hands out tokens; tokens are kept as SHA-256 only."""

    clock: Clock
    accounts: Sequence[Account]
    clients: Mapping[str, str]
    title: str
    hint: str  # which demo accounts there are
    base_path: str = ""
    access_token_s: int = 600
    offline_scope: str = ""  # without this scope there are no refresh tokens; empty = there always are
    redirect_origins: Sequence[str] = ()
    codes: dict[str, Token] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)  # refresh tokens already traded in → their family
    signed_in: set[str] = field(default_factory=set)

    def page(self, request: Request) -> Response:
        """The sign-in page for an authorization request."""
        self._check_client(request)
        return sign_in_page(self._text(), request.query, status=200, note="")

    def sign_in(self, request: Request) -> Response:
        """Back to the caller with code and state; the page again when name or password are wrong."""
        form = request.form()
        request = Request(request.method, request.path, form, request.headers)
        self._check_client(request)
        if form.get("answer") == "cancel":
            return self._back(form, {"error": "access_denied"})
        account = self._account(form.get("username", ""), form.get("password", ""))
        if account is None:
            return sign_in_page(self._text(), form, status=401, note="Wrong e-mail address or password.")
        code = self._issue_code(account.account_id, form)
        self.signed_in.add(account.account_id)
        return self._back(form, {"code": code})

    def token(self, request: Request) -> Response:
        """Tokens for a code or a refresh token."""
        form = request.form()
        secret = self.clients.get(form.get("client_id", ""), "")
        if not secret or not compare_digest(secret.encode(), form.get("client_secret", "").encode()):
            fail(401, "invalid_client")
        if form.get("grant_type") == "authorization_code":
            return self._trade_code(form)
        if form.get("grant_type") == "refresh_token":
            return self._trade_refresh(form)
        fail(400, "unsupported_grant_type")

    def account_of(self, request: Request) -> str:
        """The account whose access token the request carries; else 401."""
        return self.bearer(request).account_id

    def bearer(self, request: Request) -> Token:
        """What the access token of the request stands for; else 401."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        found = self.access.get(_hash(token)) if kind.lower() == "bearer" else None
        if found is None or self._is_over(found):
            fail(401, "expired_token")
        return found

    def revoke(self, account_id: str) -> None:
        """Make all tokens of an account worthless, as when the owner withdraws consent."""
        for tokens in (self.codes, self.access, self.refresh):
            for key in [key for key, token in tokens.items() if token.account_id == account_id]:
                del tokens[key]

    def to_state(self) -> dict[str, Any]:
        """What must survive a restart: refresh tokens, so that connections hold."""
        tokens = {key: [token.account_id, token.family, token.scope] for key, token in self.refresh.items()}
        return {"refresh": tokens, "used": self.used, "signed_in": sorted(self.signed_in)}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Take over what ``to_state`` kept."""
        kept = state["refresh"].items()
        self.refresh = {key: Token(known[0], known[1], scope="".join(known[2:])) for key, known in kept}
        self.used = dict(state["used"])
        self.signed_in = set(state["signed_in"])

    def is_allowed_redirect(self, uri: str, host: str) -> bool:
        """Whether ``uri`` is on this host, on the loopback, or at an origin named at the start."""
        if not _PLAIN_ADDRESS.fullmatch(uri):
            return False
        parts = urlsplit(uri)
        origin = f"{parts.scheme}://{parts.netloc}"
        return parts.hostname in _LOOPBACK or parts.netloc == host or origin in self.redirect_origins

    def _text(self) -> SignInText:
        """The page's words; the first account nobody has used yet is suggested."""
        first = self.accounts[0]
        unused = next((a for a in self.accounts if a.account_id not in self.signed_in), first)
        action = f"{self.base_path}/oauth/sign-in"
        return SignInText(self.title, action, self.hint, unused.username, first.password)

    def _check_client(self, request: Request) -> None:
        if request.query.get("client_id") not in self.clients:
            fail(400, "unauthorized_client")
        if not self.is_allowed_redirect(request.query.get("redirect_uri", ""), request.headers.get("host", "")):
            fail(400, "invalid_redirect_uri")

    def _account(self, username: str, password: str) -> Account | None:
        return next((a for a in self.accounts if a.username == username.strip() and a.password == password), None)

    def _back(self, form: Mapping[str, str], outcome: Mapping[str, str]) -> Response:
        separator = "&" if "?" in form["redirect_uri"] else "?"
        query = urlencode({**outcome, "state": form.get("state", "")})
        headers = {"Location": f"{form['redirect_uri']}{separator}{query}", "Cache-Control": "no-store"}
        return Response(303, headers=headers)

    def _trade_code(self, form: Mapping[str, str]) -> Response:
        code = self.codes.pop(_hash(form.get("code", "")), None)
        if code is None or self._is_over(code) or code.redirect_uri != form.get("redirect_uri"):
            fail(400, "invalid_grant")
        return self._tokens(code)

    def _trade_refresh(self, form: Mapping[str, str]) -> Response:
        key = _hash(form.get("refresh_token", ""))
        if key in self.used:
            self._revoke_family(self.used[key])
        token = self.refresh.pop(key, None)
        if token is None:
            fail(400, "invalid_grant")
        _keep(self.used, key, token.family, MAX_USED)
        return self._tokens(token)

    def access_text(self, account_id: str) -> str:
        """A new access token; a vendor whose tokens say something overrides this."""
        return secrets.token_urlsafe(32)

    def told_of(self, account_id: str) -> dict[str, Any]:
        """What the token answer says beside the tokens."""
        return {"account": account_id}

    def _tokens(self, of: Token) -> Response:
        access = self.access_text(of.account_id)
        self._put(self.access, access, replace(of, redirect_uri="", expires_at=self._in(self.access_token_s)))
        content = {
            "access_token": access,
            "expires_in": self.access_token_s,
            "token_type": "Bearer",
            **self.told_of(of.account_id),
        }
        if of.scope:
            content["scope"] = of.scope
        if not self.offline_scope or self.offline_scope in of.scope.split():
            content["refresh_token"] = secrets.token_urlsafe(32)
            self._put(self.refresh, content["refresh_token"], replace(of, redirect_uri="", expires_at=None))
        return answer(content, headers={"Cache-Control": "no-store"})

    def _issue_code(self, account_id: str, form: Mapping[str, str]) -> str:
        """A code of a new family, good for one trade at the same address."""
        text = secrets.token_urlsafe(32)
        expires_at = self._in(CODE_LIFE.total_seconds())
        code = Token(account_id, secrets.token_urlsafe(8), expires_at, form["redirect_uri"], form.get("scope", ""))
        self._put(self.codes, text, code)
        return text

    def _put(self, tokens: dict[str, Token], text: str, token: Token) -> None:
        while tokens and self._is_over(next(iter(tokens.values()))):
            del tokens[next(iter(tokens))]
        _keep(tokens, _hash(text), token, MAX_TOKENS)

    def _in(self, seconds: float) -> datetime:
        return self.clock.wall_now() + timedelta(seconds=seconds)

    def _revoke_family(self, family: str) -> None:
        for tokens in (self.access, self.refresh):
            for key in [key for key, token in tokens.items() if token.family == family]:
                del tokens[key]

    def _is_over(self, token: Token) -> bool:
        return token.expires_at is not None and token.expires_at <= self.clock.wall_now()


def _keep(kept: dict[str, T], key: str, value: T, limit: int) -> None:
    """Add ``value``; beyond ``limit`` forget the oldest."""
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
