"""The owner's own page of a heat pump: one page, a form for each thing that can be said, and how it all ends.

A signed link lets the owner in; it is exchanged for a cookie of this one page, so that the address stays clean. Every
form brings a token made for this very page. What is changed goes through the flows of the Partner API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Request, get, post
from litestar.types import ControllerRouterHandler

from heatfleet.auth.errors import Unauthenticated
from heatfleet.domain.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.statuses import Lifecycle
from heatfleet.flows import cues, heat_pumps, home, onboarding
from heatfleet.flows.home import Home, HomeKey, LinkClosed
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.web.home_forms import FORMS, Filled
from heatfleet.web.home_words import page_values
from heatfleet.web.invite import InviteServices
from heatfleet.web.languages import LANGUAGES, best_language
from heatfleet.web.looks import looks_of
from heatfleet.web.pages import HtmlResponse, go, show, style

WebRequest = Request[Any, Any, Any]
COOKIE, LANGUAGE_COOKIE = "heatfleet_home", "heatfleet_language"
FORM_PURPOSE = "home-form"
FORM_LIFE = timedelta(hours=12)
SETTINGS = (*FORMS, "notice")
_STATUS = {"missing": 403, "unknown": 404, "expired": 410, "closed": 410}


class HomeServices(InviteServices, Protocol):
    """What the page is handed."""

    @property
    def public_url(self) -> str: ...


class _Over(Exception):
    """There is no page; ``args[0]`` is missing (no cookie), unknown, expired or closed."""


@dataclass(frozen=True)
class Visit:
    """One request of an owner who was let in."""

    request: WebRequest
    key: HomeKey
    act: Act
    language: str

    @property
    def path(self) -> str:
        """Where the page is; its cookies live there."""
        return f"/home/{self.key.heat_pump_id}"

    @property
    def pump(self) -> tuple[UUID, UUID]:
        """The heat pump as flows know it."""
        return self.key.user_id, self.key.heat_pump_id


@dataclass(frozen=True)
class Said:
    """What a page says to the form that was sent: ``problem`` is invalid, changed, form or gone; ``texts`` stay."""

    form: str = ""
    problem: str = ""
    errors: tuple[FieldError, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Step = Callable[[Visit], Awaitable[HtmlResponse]]


def home_routes(services: HomeServices) -> list[ControllerRouterHandler]:
    """The route handlers of the page."""
    pages = HomePages(services)
    one = "/home/{heat_pump_id:uuid}"
    return [
        get("/home")(pages.enter),
        get("/home/style.css")(pages.style),
        get("/home/done")(pages.done),
        get(one)(pages.page),
        post(f"{one}/save/{{form:str}}", status_code=200)(pages.save),
        post(f"{one}/sign-in", status_code=200)(pages.sign_in),
        get(f"{one}/disconnect")(pages.ask),
        post(f"{one}/disconnect", status_code=200)(pages.disconnect),
    ]


class HomePages:
    """One method per page or form."""

    def __init__(self, services: HomeServices) -> None:
        self._services = services

    async def enter(self, request: WebRequest) -> HtmlResponse:
        """The link's secret becomes a cookie; opening it spends nothing (mail filters open links, too)."""
        secret = _pairs(request.scope["query_string"].decode("latin-1")).get("secret", "")
        try:
            visit = await self._visit(request, secret)
        except _Over as over:
            return _over(over, best_language(request.headers.get("accept-language", "")))
        answer = go(visit.path)
        self._set_cookie(answer, COOKIE, secret, visit.path)
        return answer

    async def page(self, request: WebRequest) -> HtmlResponse:
        """The page."""

        async def see(visit: Visit) -> HtmlResponse:
            values = _pairs(request.scope["query_string"].decode("latin-1"))
            saved = values.get("saved", "")
            answer = await self._page(visit, Said(form=saved if saved in SETTINGS else ""))
            if values.get("language") in LANGUAGES:
                self._set_cookie(answer, LANGUAGE_COOKIE, visit.language, visit.path)
            return answer

        return await self._guarded(request, see)

    async def save(self, request: WebRequest) -> HtmlResponse:
        """What a form says is saved, or the page says what is wrong with it."""
        form = request.path_params["form"]
        steps = {"notice": self._tick, **dict.fromkeys(FORMS, self._change)}
        step = steps.get(form)
        if step is None:
            return _over(_Over("unknown"), best_language(request.headers.get("accept-language", "")))
        return await self._submitted(request, form, step)

    async def sign_in(self, request: WebRequest) -> HtmlResponse:
        """On to the Connect page of this very heat pump, and back here."""
        return await self._submitted(request, "sign-in", self._sign_in)

    async def ask(self, request: WebRequest) -> HtmlResponse:
        """What disconnecting means, and whether it is meant."""

        async def see(visit: Visit) -> HtmlResponse:
            return await self._show(visit, "home_disconnect.html", Said())

        return await self._guarded(request, see)

    async def disconnect(self, request: WebRequest) -> HtmlResponse:
        """The connection ends."""
        return await self._submitted(request, "disconnect", self._disconnect)

    async def done(self, request: WebRequest) -> HtmlResponse:
        """Where an owner ends who has disconnected."""
        wanted = _pairs(request.scope["query_string"].decode("latin-1")).get("language", "")
        known = wanted if wanted in LANGUAGES else best_language(request.headers.get("accept-language", ""))
        return show("home_done.html", known, form_action="'none'")

    async def style(self) -> HtmlResponse:
        """The style sheet of the page, beside that of all pages."""
        return style("home.css")

    # The steps of forms

    async def _change(self, visit: Visit, form: str, texts: Mapping[str, str]) -> HtmlResponse:
        """Settings, by the rules and the flow of the Partner API."""
        seen = await home.look(visit.act, *visit.pump)
        try:
            filled = Filled(texts, seen.pump, zone_time(seen.pump.price_zone), visit.act.clock.fleet_now())
            settings = FORMS[form](filled)
            await heat_pumps.change(visit.act, visit.pump, settings, if_match=_version(texts))
        except Invalid as fault:
            return await self._page(visit, Said(form, "invalid", fault.errors, texts, 422))
        except PreconditionFailed:
            return await self._page(visit, Said(form, "changed", (), texts, 412))
        return go(f"{visit.path}?saved={form}")

    async def _tick(self, visit: Visit, form: str, texts: Mapping[str, str]) -> HtmlResponse:
        """One message of this heat pump has been read."""
        seen = await home.look(visit.act, *visit.pump)
        known = {str(cue["id"]) for cue in seen.view.cues or () if cue["code"] == "information"}
        wanted = texts.get("notice", "")
        try:
            if wanted not in known:
                raise NotFound("There is no such message, or it is read.")
            await cues.settle(visit.act, UUID(wanted), "information", "resolved", {})
        except NotFound:
            return await self._page(visit, Said(form, "gone", status=404))
        return go(f"{visit.path}?saved={form}")

    async def _sign_in(self, visit: Visit, form: str, texts: Mapping[str, str]) -> HtmlResponse:
        back = f"{self._services.public_url}{visit.path}"
        session_id = await onboarding.session_for_pump(visit.act, visit.key.heat_pump_id, back, visit.language)
        return go(f"/connect/heat-pumps?onboarding_session_id={session_id}")

    async def _disconnect(self, visit: Visit, form: str, texts: Mapping[str, str]) -> HtmlResponse:
        if texts.get("sure") != "yes":
            return await self._show(visit, "home_disconnect.html", Said(form, "unsure", status=422))
        try:
            await heat_pumps.disconnect(visit.act, visit.pump)
        except Conflict:
            return await self._page(visit, Said(form, "gone", status=409))
        answer = go(f"/home/done?language={visit.language}")
        answer.delete_cookie(COOKIE, path=visit.path)
        answer.delete_cookie(LANGUAGE_COOKIE, path=visit.path)
        return answer

    # Who comes in

    async def _guarded(self, request: WebRequest, step: Step) -> HtmlResponse:
        """The page of ``step`` for an owner whom the cookie lets in, or the page that says why there is none."""
        try:
            visit = await self._visit(request, request.cookies.get(COOKIE, ""), request.path_params["heat_pump_id"])
            return await step(visit)
        except _Over as over:
            why = over
        except NotFound:  # gone in this very moment
            why = _Over("unknown")
        return _over(why, best_language(request.headers.get("accept-language", "")))

    async def _submitted(
        self,
        request: WebRequest,
        form: str,
        step: Callable[[Visit, str, Mapping[str, str]], Awaitable[HtmlResponse]],
    ) -> HtmlResponse:
        """As :meth:`_guarded`, for a form that this very page has made; other people's forms change nothing."""

        async def submit(visit: Visit) -> HtmlResponse:
            texts = _pairs((await request.body()).decode("utf-8", "replace"))
            if not self._is_ours(visit, texts.get("token", "")):
                return await self._page(visit, Said(form, "form", (), texts, 403))
            return await step(visit, form, texts)

        return await self._guarded(request, submit)

    async def _visit(self, request: WebRequest, secret: str, heat_pump_id: UUID | None = None) -> Visit:
        """Whom the secret lets in, to the page of ``heat_pump_id`` alone; raises :class:`_Over`."""
        services = self._services
        if not secret:
            raise _Over("missing")
        try:
            key = home.read_key(services.secrets.open(home.PURPOSE, secret, services.clock.wall_now()))
            if heat_pump_id not in {None, key.heat_pump_id}:
                raise _Over("unknown")
            facts = await home.check_key(services.database, key)
        except Unauthenticated:
            raise _Over("expired" if services.secrets.was_signed(home.PURPOSE, secret) else "unknown") from None
        except NotFound:
            raise _Over("unknown") from None
        except LinkClosed:
            raise _Over("closed") from None
        request_id = getattr(request.scope.get("heatfleet"), "request_id", None)
        act = Act(services.database, services.clock, Actor(f"user:{key.user_id}", request_id), key.org_id)
        return Visit(request, key, act, _language(request, facts.language))

    def _is_ours(self, visit: Visit, token: str) -> bool:
        """Whether the form was made by this page, for this owner, not too long ago."""
        try:
            subject = self._services.secrets.open(FORM_PURPOSE, token, self._services.clock.wall_now())
        except Unauthenticated:
            return False
        return subject == visit.key.subject

    def _set_cookie(self, answer: HtmlResponse, name: str, value: str, path: str) -> None:
        is_secure = self._services.public_url.startswith("https:")
        life_s = int(home.LIFE.total_seconds())
        answer.set_cookie(name, value, max_age=life_s, path=path, secure=is_secure, httponly=True, samesite="lax")

    # What is shown

    async def _page(self, visit: Visit, said: Said) -> HtmlResponse:
        return await self._show(visit, "home.html", said)

    async def _show(self, visit: Visit, template: str, said: Said) -> HtmlResponse:
        seen: Home = await home.look(visit.act, *visit.pump)
        now = self._services.clock.wall_now()
        token = self._services.secrets.sign(FORM_PURPOSE, visit.key.subject, now, FORM_LIFE)
        values = page_values(seen, visit.language, visit.act.clock.fleet_now())
        return show(
            template,
            visit.language,
            said.status,
            form_action="'self'",
            **values,
            looks=looks_of(seen.organisation),
            path=visit.path,
            token=token,
            languages=LANGUAGES,
            form=said.form,
            problem=said.problem,
            wrong={str(error.loc[-1]): error for error in said.errors},
            texts=said.texts if said.problem in {"invalid", "changed", "form"} else {},
            may_disconnect=seen.view.lifecycle_state != Lifecycle.PENDING,
        )


def _over(over: _Over, language: str) -> HtmlResponse:
    """The page of a link that leads nowhere."""
    why = over.args[0]
    return show("home_over.html", language, _STATUS[why], form_action="'none'", why=why)


def _version(texts: Mapping[str, str]) -> frozenset[int]:
    """The version of the settings that the form was made from; one that is no number fits none."""
    text = texts.get("version", "")
    return frozenset({int(text)} if text.isascii() and text.isdigit() and len(text) < 10 else ())


def _language(request: WebRequest, agreed_in: str | None) -> str:
    """The one just asked for, the one asked for before, the one of the consent, the one the browser likes best."""
    query = _pairs(request.scope["query_string"].decode("latin-1"))
    wanted = (query.get("language"), request.cookies.get(LANGUAGE_COOKIE), agreed_in)
    liked = best_language(request.headers.get("accept-language", ""))
    return next((language for language in wanted if language in LANGUAGES), liked)


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))
