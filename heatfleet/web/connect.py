"""The Connect UI: a person chooses a manufacturer, consents, signs in there, and comes back with a connected heat pump.

Every page is a GET or a plain form; the session's id in the address is what the person brings. What a vendor sends back
is matched by a signed state that names the session and its latest sign-in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from litestar import Request, get, post
from litestar.types import ControllerRouterHandler

from heatfleet.auth.errors import Unauthenticated
from heatfleet.domain.errors import Conflict, NotFound, OutsideWorldError
from heatfleet.flows import connect as flow
from heatfleet.flows import onboarding
from heatfleet.flows.connect import Choice, Counter
from heatfleet.flows.toolbox import Act, SessionOver
from heatfleet.store import organisations
from heatfleet.store.audit import Actor
from heatfleet.store.onboarding import OnboardingSession
from heatfleet.vendors.kit.driver import FormStep, RedirectStep
from heatfleet.web.home import home_routes
from heatfleet.web.invite import InviteServices, invite_routes
from heatfleet.web.languages import best_language
from heatfleet.web.pages import HtmlResponse, go, show, style

WebRequest = Request[Any, Any, Any]
STATE_PURPOSE = "connect-state"
LINK_PURPOSE = "connect-device"


class ConnectServices(InviteServices, Protocol):
    """What the pages are handed (``heatfleet.api.services.Services`` is one)."""

    @property
    def counter(self) -> Counter: ...
    @property
    def public_url(self) -> str: ...


def make_web(services: ConnectServices) -> list[ControllerRouterHandler]:
    """The route handlers of all pages, to be served beside the API."""
    pages = ConnectPages(services)
    return [
        get("/connect", name="connect")(pages.start),
        get("/connect/heat-pumps")(pages.manufacturers),
        get("/connect/consent")(pages.consent),
        post("/connect/sign-in", status_code=200)(pages.sign_in),
        post("/connect/answer", status_code=200)(pages.answer),
        get("/connect/callback")(pages.callback),
        get("/connect/choose")(pages.choose),
        post("/connect/choose", status_code=200)(pages.chosen),
        post("/connect/cancel", status_code=200)(pages.cancel),
        get("/connect/device")(pages.device),
        get("/connect/done")(pages.done),
        get("/connect/style.css")(pages.style),
        *invite_routes(services),
        *home_routes(services),
    ]


class ConnectPages:
    """One method per page."""

    def __init__(self, services: ConnectServices) -> None:
        self._services = services

    async def start(self, request: WebRequest) -> HtmlResponse:
        """The kinds of devices there are."""
        return await self._with_session(request, _query(request), self._start)

    async def manufacturers(self, request: WebRequest) -> HtmlResponse:
        """The manufacturers, searchable."""
        return await self._with_session(request, _query(request), self._manufacturers)

    async def consent(self, request: WebRequest) -> HtmlResponse:
        """What is read, what is written, by whom."""
        return await self._with_session(request, _query(request), self._consent)

    async def sign_in(self, request: WebRequest) -> HtmlResponse:
        """On to the vendor, or its form."""
        return await self._with_session(request, await _form(request), self._sign_in)

    async def answer(self, request: WebRequest) -> HtmlResponse:
        """What the person filled into the vendor's form."""
        return await self._with_state(request, await _form(request))

    async def callback(self, request: WebRequest) -> HtmlResponse:
        """What the vendor sent back."""
        return await self._with_state(request, _query(request))

    async def choose(self, request: WebRequest) -> HtmlResponse:
        """The devices of an account that has several."""
        return await self._with_session(request, _query(request), self._choose)

    async def chosen(self, request: WebRequest) -> HtmlResponse:
        """The one the person chose."""
        return await self._with_session(request, await _form(request), self._chosen)

    async def cancel(self, request: WebRequest) -> HtmlResponse:
        """Back to where the person came from, without a device."""
        return await self._with_session(request, await _form(request), self._cancel)

    async def device(self, request: WebRequest) -> HtmlResponse:
        """A session for the very device a signed link names."""
        services, language = self._services, _language(request)
        try:
            subject = services.secrets.open(LINK_PURPOSE, _query(request).get("secret", ""), services.clock.wall_now())
            org_id, _, heat_pump_id = subject.partition("|")
            act = Act(services.database, services.clock, Actor("link", _request_id(request)), UUID(org_id))
            home = f"{services.public_url}/connect/done"
            session_id = await onboarding.session_for_pump(act, UUID(heat_pump_id), home, language)
        except (Unauthenticated, NotFound):
            return show("over.html", language, 404, why="unknown", back=None)
        return go(f"/connect/heat-pumps?onboarding_session_id={session_id}")

    async def done(self, request: WebRequest) -> HtmlResponse:
        """Where a person ends who came without a partner's page."""
        is_connected = "deviceId" in _query(request)
        return show("done.html", _language(request), is_connected=is_connected)

    async def style(self) -> HtmlResponse:
        """The style sheet."""
        return style()

    async def _with_session(self, request: WebRequest, values: Mapping[str, str], step: Any) -> HtmlResponse:
        """The page of ``step``, or the page that says why there is none."""
        try:
            session = await self._session(values.get("onboarding_session_id", ""))
            return await self._guarded(request, session, values, step)
        except SessionOver as over:
            return _over(over, _language(request))

    async def _with_state(self, request: WebRequest, values: Mapping[str, str]) -> HtmlResponse:
        """The end of a sign-in; the state tells the session."""
        services = self._services
        try:
            subject = services.secrets.open(STATE_PURPOSE, values.get("state", ""), services.clock.wall_now())
            session_id, _, nonce = subject.partition("|")
            session = await self._session(session_id)
            return await self._guarded(request, session, {**values, "nonce": nonce}, self._finish)
        except Unauthenticated:
            return _over(SessionOver("unknown"), _language(request))
        except SessionOver as over:
            return _over(over, _language(request))

    async def _guarded(
        self, request: WebRequest, session: OnboardingSession, values: Mapping[str, str], step: Any
    ) -> HtmlResponse:
        """The page of ``step``; what the outside world or an old page got wrong becomes a page, too."""
        act = onboarding.act_for(self._services.database, self._services.clock, session, _request_id(request))
        try:
            page: HtmlResponse = await step(act, session, values)
            return page
        except (OutsideWorldError, Conflict, NotFound) as fault:
            code = fault.code if isinstance(fault, OutsideWorldError) else "conflict"
            back = _with_query(session.cancel_url, error=code)
            status = 409 if isinstance(fault, Conflict) else 400
            return show("failed.html", session.language, status, session=session, code=code, back=back)

    async def _session(self, text: str) -> OnboardingSession:
        try:
            session_id = UUID(text)
        except ValueError:
            raise SessionOver("unknown") from None
        return await onboarding.open_session(self._services.database, self._services.clock, session_id)

    async def _page(self, template: str, session: OnboardingSession, **values: Any) -> HtmlResponse:
        async with self._services.database.read(session.org_id) as tx:
            organisation = await organisations.get(tx, session.org_id)
        assert organisation is not None
        ancestors = organisation.frame_ancestors
        return show(template, session.language, 200, ancestors, session=session, partner=organisation.name, **values)

    async def _start(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        return await self._page("start.html", session)

    async def _manufacturers(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        wanted = values.get("q", "").strip()[:100]
        found = [
            manifest
            for manifest in self._services.counter.vendors.manifests()
            if wanted.casefold() in " ".join((manifest.title, *manifest.brands)).casefold()
        ]
        return await self._page("manufacturers.html", session, manifests=found, q=wanted)

    async def _consent(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        manifest = self._services.counter.vendors.manifest(values.get("vendor", ""))
        return await self._page("consent.html", session, manifest=manifest)

    async def _sign_in(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        if values.get("consent") != "yes":
            return await self._consent(act, session, values)
        nonce = secrets.token_urlsafe(16)
        state = self._services.secrets.sign(STATE_PURPOSE, f"{session.id}|{nonce}", self._services.clock.wall_now())
        vendor = values.get("vendor", "")
        step = await flow.begin_sign_in(act, self._services.counter, session, vendor, (nonce, state))
        if isinstance(step, RedirectStep):
            return go(step.url)
        manifest = self._services.counter.vendors.manifest(vendor)
        fields = step.fields if isinstance(step, FormStep) else ()
        return await self._page("sign_in.html", session, manifest=manifest, state=state, fields=fields, step=step)

    async def _finish(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        answer = {name: value for name, value in values.items() if name not in {"nonce", "onboarding_session_id"}}
        result = await flow.finish_sign_in(act, self._services.counter, session, values["nonce"], answer)
        if isinstance(result, Choice):
            return go(f"/connect/choose?onboarding_session_id={session.id}")
        return go(_with_query(session.success_url, deviceId=str(result)))

    async def _choose(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        choice = await flow.choices(act, self._services.counter, session)
        return await self._page("choose.html", session, devices=choice.devices)

    async def _chosen(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        device = values.get("device", "")
        heat_pump_id = await flow.choose_device(act, self._services.counter, session, device)
        return go(_with_query(session.success_url, deviceId=str(heat_pump_id)))

    async def _cancel(self, act: Act, session: OnboardingSession, values: Mapping[str, str]) -> HtmlResponse:
        await onboarding.cancel(act, session)
        return go(session.cancel_url)


def _over(over: SessionOver, language: str) -> HtmlResponse:
    """The page of a session that cannot go on."""
    session = over.session
    back = None
    if session is not None:
        back = session.success_url if over.why == "done" else _with_query(session.cancel_url, error=over.why)
        if over.why == "done" and session.heat_pump_id is not None:
            back = _with_query(back, deviceId=str(session.heat_pump_id))
    status = 404 if over.why == "unknown" else 410
    return show("over.html", session.language if session else language, status, why=over.why, back=back)


def _with_query(url: str, **more: str) -> str:
    """``url`` with parameters added to its query."""
    parts = urlsplit(url)
    query = f"{parts.query}&{urlencode(more)}" if parts.query else urlencode(more)
    return urlunsplit(parts._replace(query=query))


def _query(request: WebRequest) -> dict[str, str]:
    return dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))


async def _form(request: WebRequest) -> dict[str, str]:
    raw = await request.body()
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def _language(request: WebRequest) -> str:
    return best_language(request.headers.get("accept-language", ""))


def _request_id(request: WebRequest) -> str | None:
    call = request.scope.get("heatfleet")
    return getattr(call, "request_id", None)
