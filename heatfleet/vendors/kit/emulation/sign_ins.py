"""The four ways to sign in, in front of one emulated OAuth server: redirect, form, device code, pairing.

A form trades name and password for tokens; a device code and a pairing code are shown, confirmed by a person (or a
gateway) elsewhere, and traded once they have been.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp

from heatfleet.vendors.kit.driver import DeviceCodeStep, FormStep, PairStep, RedirectStep, SignInStep
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.oauth import OAuthServer
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect

INTERVAL_S = 5
MAX_CODES = 1000
_BACK_TO = "http://127.0.0.1/"

Person = tuple[str, str]
"""E-mail address and password."""


class SignIns:
    """Answers everything under ``/oauth/``; codes shown and confirmed live here, tokens in the OAuth server."""

    def __init__(self, oauth: OAuthServer) -> None:
        self._oauth = oauth
        self._codes: dict[str, Person | None] = {}  # shown codes, and who has confirmed them

    def answer(self, request: Request) -> Response:
        """The page, tokens, or a new code to show."""
        routes = {
            ("GET", "/oauth/authorize"): self._oauth.page,
            ("POST", "/oauth/sign-in"): self._oauth.sign_in,
            ("POST", "/oauth/token"): self._token,
            ("POST", "/oauth/code"): self._show_code,
        }
        route = routes.get((request.method, request.path))
        return route(request) if route else fail(404, "not_found")

    async def do(self, session: aiohttp.ClientSession, step: SignInStep, person: Person) -> Mapping[str, str]:
        """What ``person`` answers to ``step``, as the Connect page hands it to the driver."""
        if isinstance(step, RedirectStep):
            return await sign_in_by_redirect(session, step.url, *person)
        if isinstance(step, FormStep):
            return dict(zip(("email", "password"), person, strict=True))
        code = step.code if isinstance(step, PairStep) else step.user_code
        assert isinstance(step, PairStep | DeviceCodeStep)
        self.confirm(code, person)
        return {"code": code, "user_code": code}

    def confirm(self, code: str, person: Person) -> None:
        """A person (or their gateway) has entered a code that was shown."""
        assert code in self._codes
        self._codes[code] = person

    def _show_code(self, request: Request) -> Response:
        code = secrets.token_hex(4).upper()
        self._codes[code] = None
        if len(self._codes) > MAX_CODES:
            del self._codes[next(iter(self._codes))]
        return answer({"code": code, "url": "https://vendor.example/device", "interval_s": INTERVAL_S})

    def _token(self, request: Request) -> Response:
        form = request.form()
        kind = form.get("grant_type")
        if kind == "password":
            return self._trade(form, (form.get("username", ""), form.get("password", "")))
        if kind == "shown_code":
            return self._trade(form, self._confirmed(form.get("code", "")))
        return self._oauth.token(request)

    def _confirmed(self, code: str) -> Person:
        if code not in self._codes:
            fail(400, "invalid_grant")
        person = self._codes[code]
        if person is None:
            fail(400, "authorization_pending")
        del self._codes[code]
        return person

    def _trade(self, form: Mapping[str, str], person: Person) -> Response:
        """Tokens for a person, by the way a browser would have gone."""
        asked = {"client_id": form.get("client_id", ""), "redirect_uri": _BACK_TO}
        entered = {**asked, "username": person[0], "password": person[1]}
        back = self._oauth.sign_in(_post("/oauth/sign-in", entered))
        if back.status != 303:
            fail(400, "invalid_grant")
        code = dict(parse_qsl(urlsplit(back.headers["Location"]).query))["code"]
        secret = form.get("client_secret", "")
        trade = {**asked, "client_secret": secret, "grant_type": "authorization_code", "code": code}
        return self._oauth.token(_post("/oauth/token", trade))


def _post(path: str, form: Mapping[str, str]) -> Request:
    return Request("POST", path, {}, {}, urlencode(form).encode())
