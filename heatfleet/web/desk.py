"""Where every Connect page begins: who comes, for which session, and what the page looks like; errors become pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from litestar import Request

from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.secrets import CONNECT_STATE
from heatfleet.domain.errors import Conflict, NotFound, OutsideWorldError
from heatfleet.flows import again, onboarding
from heatfleet.flows.again import Waiting
from heatfleet.flows.home import home_link
from heatfleet.flows.toolbox import Act, SessionOver
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store import organisations
from heatfleet.store.onboarding import OnboardingSession
from heatfleet.vendors.kit.manifest import Manifest
from heatfleet.web.faults import AT_CHOICE, AT_PUMP, Fault, fault_of
from heatfleet.web.invite import InviteServices
from heatfleet.web.languages import best_language
from heatfleet.web.looks import Looks, looks_of
from heatfleet.web.pages import HtmlResponse, show
from heatfleet.web.words import STEPS, thing

WebRequest = Request[Any, Any, Any]
DONE_PAGE = "/connect/done"


class ConnectServices(InviteServices, Protocol):
    """What the pages are handed (``heatfleet.api.services.Services`` is one)."""

    @property
    def counter(self) -> Counter: ...
    @property
    def public_url(self) -> str: ...


@dataclass(frozen=True)
class Visit:
    """One request of a person on the way: who acts, in which session, how pages look, what the browser brought.

    ``again`` is the heat pump whose owner signs in once more, None where one is connected for the first time.
    """

    act: Act
    session: OnboardingSession
    looks: Looks
    again: Waiting | None
    values: Mapping[str, str]

    def path(self, place: str, **more: str) -> str:
        """The address of a page of this session."""
        query = urlencode({"onboarding_session_id": str(self.session.id), **more})
        return f"/connect/{place}?{query}"


Step = Callable[[Visit], Awaitable[HtmlResponse]]


class Desk:
    """What the pages share."""

    def __init__(self, services: ConnectServices) -> None:
        self.services = services

    async def with_session(self, request: WebRequest, values: Mapping[str, str], step: Step) -> HtmlResponse:
        """The page of ``step``, or the page that says why there is none."""
        try:
            session = await self.session(values.get("onboarding_session_id", ""))
            return await self._guarded(request, session, values, step)
        except SessionOver as over:
            return await self.over(over, language_of(request))

    async def with_state(self, request: WebRequest, values: Mapping[str, str], step: Step) -> HtmlResponse:
        """The page of ``step`` in a sign-in; the signed state tells the session and which sign-in it is (``nonce``)."""
        signer, now = self.services.secrets, self.services.clock.wall_now()
        try:
            subject = signer.open(CONNECT_STATE, values.get("state", ""), now)
        except Unauthenticated:
            return await self.over(SessionOver("unknown"), language_of(request))
        session_id, _, nonce = subject.partition("|")
        return await self.with_session(request, {**values, "nonce": nonce, "onboarding_session_id": session_id}, step)

    async def _guarded(
        self, request: WebRequest, session: OnboardingSession, values: Mapping[str, str], step: Step
    ) -> HtmlResponse:
        act = onboarding.act_for(self.services.database, self.services.clock, session, request_id(request))
        visit = Visit(act, session, await self.looks(session), None, values)
        try:
            visit = Visit(act, session, visit.looks, await again.waiting(act, session), values)
            return await step(visit)
        except (OutsideWorldError, Conflict, NotFound) as error:
            return self.failed(visit, fault_of(error))

    async def session(self, text: str) -> OnboardingSession:
        """The session of that id; raises :class:`SessionOver`."""
        try:
            session_id = UUID(text)
        except ValueError:
            raise SessionOver("unknown") from None
        return await onboarding.open_session(self.services.database, self.services.clock, session_id)

    async def anew(self, visit: Visit) -> Visit:
        """The visit after its session has moved on."""
        return Visit(visit.act, await self.session(str(visit.session.id)), visit.looks, visit.again, visit.values)

    async def looks(self, session: OnboardingSession) -> Looks:
        """How pages of the session's organisation look."""
        async with self.services.database.read(session.org_id) as tx:
            organisation = await organisations.get(tx, session.org_id)
        assert organisation is not None
        return looks_of(organisation)

    def manifest(self, visit: Visit) -> Manifest:
        """The manufacturer the visit is about; raises :class:`NotFound`."""
        vendor = visit.again.connection.vendor if visit.again else visit.values.get("vendor")
        return self.services.counter.vendors.manifest(vendor or visit.session.step.get("vendor") or "")

    def page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> HtmlResponse:
        """A page of the session, in the organisation's looks."""
        now = None if visit.again else values.get("now")  # signing in again has no steps to count
        shown: dict[str, Any] = {
            "session": visit.session,
            "looks": visit.looks,
            "partner": visit.looks.name,
            "again": visit.again,
            "path": visit.path,
            "thing": thing,
            "steps": tuple(STEPS.items()),
        }
        shown |= {**values, "now": now, "at": list(STEPS).index(now) if now else 0}
        return show(template, visit.session.language, status, visit.looks.frame_ancestors, **shown)

    def failed(self, visit: Visit, fault: Fault) -> HtmlResponse:
        """What went wrong, and the way on."""
        back = with_query(visit.session.cancel_url, error=fault.code)
        return self.page(
            visit, "failed.html", fault.status, fault=fault, back=back, on=_way_on(visit, fault), home_url=None
        )

    async def over(self, over: SessionOver, language: str) -> HtmlResponse:
        """The page of a session that cannot go on."""
        session, why = over.session, over.why
        status = 404 if why == "unknown" else 410
        if session is None:
            return show("over.html", language, status, why=why, back=None, partner=None)
        looks = await self.looks(session)
        shown: dict[str, Any] = {"why": why, "back": self._back(session, why), "looks": looks, "partner": looks.name}
        return show("over.html", session.language, status, looks.frame_ancestors, **shown)

    async def home_url(self, session: OnboardingSession, request_id: str | None) -> str | None:
        """The owner's own page of the heat pump just connected; None when it has none, or some time has passed."""
        services = self.services
        if session.heat_pump_id is None or session.expires_at <= services.clock.wall_now():
            return None
        act = onboarding.act_for(services.database, services.clock, session, request_id)
        return await home_link(act, services.secrets, "", session.heat_pump_id)

    def _back(self, session: OnboardingSession, why: str) -> str:
        if why == "done" and session.heat_pump_id is not None:
            return self.success_of(session, session.heat_pump_id)
        return with_query(session.cancel_url, error=why)

    def success_of(self, session: OnboardingSession, heat_pump_id: UUID) -> str:
        """Where a person goes whose heat pump is connected; our own last page is told the session, for its looks."""
        more = {"deviceId": str(heat_pump_id)}
        if session.success_url == self.services.public_url + DONE_PAGE:
            more["onboarding_session_id"] = str(session.id)
        return with_query(session.success_url, **more)


def _way_on(visit: Visit, fault: Fault) -> str:
    """Where a person goes on after a fault."""
    step = visit.session.step
    if fault.goes_on == AT_CHOICE and len(step.get("devices", ())) > 1:
        return visit.path("choose")
    if fault.goes_on == AT_PUMP and step.get("device"):
        return visit.path("abilities")
    if step.get("vendor") and not visit.again:
        return visit.path("consent", vendor=step["vendor"])
    return visit.path("heat-pumps")


def with_query(url: str, **more: str) -> str:
    """``url`` with parameters added to its query."""
    parts = urlsplit(url)
    query = f"{parts.query}&{urlencode(more)}" if parts.query else urlencode(more)
    return urlunsplit(parts._replace(query=query))


def query_of(request: WebRequest) -> dict[str, str]:
    """The query's parameters, the last of each name."""
    return dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))


async def form_of(request: WebRequest) -> dict[str, str]:
    """The fields of a form, the last of each name."""
    raw = await request.body()
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def language_of(request: WebRequest) -> str:
    """The language the browser likes best."""
    return best_language(request.headers.get("accept-language", ""))


def request_id(request: WebRequest) -> str | None:
    """The request's id, as the edge knows it."""
    return getattr(request.scope.get("heatfleet"), "request_id", None)
