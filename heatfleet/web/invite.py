"""The page behind an invitation: a person chooses a password, once, without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from litestar import Request, get, post
from litestar.types import ControllerRouterHandler

from heatfleet.auth import passwords
from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.secrets import SecretSigner
from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import NotFound
from heatfleet.flows import invites
from heatfleet.flows.invites import Invite, InviteUsed
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database
from heatfleet.web.languages import LANGUAGES, best_language
from heatfleet.web.pages import HtmlResponse, go, show

WebRequest = Request[Any, Any, Any]
_STATUS = {"unknown": 404, "expired": 410, "used": 410}


class InviteServices(Protocol):
    """What the page is handed."""

    @property
    def database(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def secrets(self) -> SecretSigner: ...


class _Over(Exception):
    """The link leads nowhere; ``args[0]`` is unknown, expired or used."""


def invite_routes(services: InviteServices) -> list[ControllerRouterHandler]:
    """The route handlers of the page."""
    pages = InvitePages(services)
    return [
        get("/invite")(pages.form),
        post("/invite", status_code=200)(pages.submit),
        get("/invite/done")(pages.done),
    ]


class InvitePages:
    """One method per page."""

    def __init__(self, services: InviteServices) -> None:
        self._services = services

    async def form(self, request: WebRequest) -> HtmlResponse:
        """The empty form; opening it spends nothing (mail filters open links, too)."""
        values = _pairs(request.scope["query_string"].decode("latin-1"))
        return await self._guarded(request, values, self._form)

    async def submit(self, request: WebRequest) -> HtmlResponse:
        """The password is set, or the form says what is wrong with it."""
        values = _pairs((await request.body()).decode("utf-8", "replace"))
        return await self._guarded(request, values, self._submit)

    async def done(self, request: WebRequest) -> HtmlResponse:
        """Where a person ends."""
        values = _pairs(request.scope["query_string"].decode("latin-1"))
        return show("invite_done.html", _language(request, values), form_action="'none'")

    async def _guarded(self, request: WebRequest, values: Mapping[str, str], step: Any) -> HtmlResponse:
        """The page of ``step``, or the page that says why there is none."""
        language = _language(request, values)
        try:
            page: HtmlResponse = await step(request, values, language)
            return page
        except _Over as over:
            why = over.args[0]
        except NotFound:
            why = "unknown"
        except InviteUsed:
            why = "used"
        return show("invite_over.html", language, _STATUS[why], form_action="'none'", why=why)

    async def _form(
        self, request: WebRequest, values: Mapping[str, str], language: str, fault: str | None = None
    ) -> HtmlResponse:
        person = await invites.check_invite(self._services.database, self._open(values))
        shown: dict[str, Any] = {
            "secret": values["secret"],
            "person": person,
            "fault": fault,
            "min_length": passwords.MIN_LENGTH,
        }
        return show("invite.html", language, 422 if fault else 200, form_action="'self'", **shown)

    async def _submit(self, request: WebRequest, values: Mapping[str, str], language: str) -> HtmlResponse:
        fault = _fault(values.get("password", ""), values.get("repeated", ""))
        if fault is not None:
            return await self._form(request, values, language, fault)
        invite = self._open(values)
        await invites.check_invite(self._services.database, invite)
        password_hash = await passwords.hash_password(values["password"])
        actor = Actor(f"user:{invite.user_id}", getattr(request.scope.get("heatfleet"), "request_id", None))
        act = Act(self._services.database, self._services.clock, actor, invite.org_id)
        await invites.accept_invite(act, invite, password_hash)
        return go(f"/invite/done?language={language}")

    def _open(self, values: Mapping[str, str]) -> Invite:
        """The invite of the link; raises :class:`_Over`."""
        signer, secret = self._services.secrets, values.get("secret", "")
        try:
            return invites.read_invite(signer.open(invites.PURPOSE, secret, self._services.clock.wall_now()))
        except Unauthenticated:
            raise _Over("expired" if signer.was_signed(invites.PURPOSE, secret) else "unknown") from None


def _fault(password: str, repeated: str) -> str | None:
    """What is wrong with a password: short, long, different; None when it may be set."""
    if len(password) < passwords.MIN_LENGTH:
        return "short"
    if len(password) > passwords.MAX_LENGTH:
        return "long"
    return None if password == repeated else "different"


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _language(request: WebRequest, values: Mapping[str, str]) -> str:
    """The one asked for by name, else the one the browser likes best."""
    wanted = values.get("language", "")
    return wanted if wanted in LANGUAGES else best_language(request.headers.get("accept-language", ""))
