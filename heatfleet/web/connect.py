"""The Connect UI: a person chooses a manufacturer, consents, signs in there, and comes back with a connected heat pump.

Every page is a GET or a plain form; the session's id in the address is what the person brings. What a vendor sends back
is matched by a signed state that names the session and its latest sign-in. This file ends with the sign-in; what
follows is in ``connect_pump.py``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import get, post
from litestar.types import ControllerRouterHandler

from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.secrets import CONNECT_STATE
from heatfleet.domain.errors import AccessLost, NotFound, OutsideWorldError, TryAgain
from heatfleet.flows import again, onboarding
from heatfleet.flows import connect as flow
from heatfleet.flows.toolbox import Act, SessionOver
from heatfleet.flows.toolbox_connect import BegunAnew, scopes_of
from heatfleet.store.audit import Actor
from heatfleet.vendors.kit.driver import FormStep, RedirectStep
from heatfleet.vendors.kit.manifest import Manifest, SignInKind
from heatfleet.web.comfort import FieldFault
from heatfleet.web.connect_pump import pump_routes
from heatfleet.web.desk import (
    DONE_PAGE,
    ConnectServices,
    Desk,
    Visit,
    WebRequest,
    form_of,
    language_of,
    query_of,
    request_id,
)
from heatfleet.web.faults import fault_of, is_answer_wrong
from heatfleet.web.home import home_routes
from heatfleet.web.invite import invite_routes
from heatfleet.web.looks import looks_routes
from heatfleet.web.notices import notice_routes
from heatfleet.web.pages import HtmlResponse, go, style
from heatfleet.web.words import HOW_YOU_SIGN_IN, N_, QUESTIONS, THINGS

LINK_PURPOSE = "connect-device"
LOOK_AGAIN_S = 5
NOT_AGREED = FieldFault("consent", N_("Tick the box if you agree. If you do not, choose Cancel: nothing is connected."))


def make_web(services: ConnectServices) -> list[ControllerRouterHandler]:
    """The route handlers of all pages, to be served beside the API."""
    desk = Desk(services)
    pages = ConnectPages(desk)
    return [
        get("/connect", name="connect")(pages.start),
        get("/connect/heat-pumps")(pages.manufacturers),
        get("/connect/consent")(pages.consent),
        post("/connect/sign-in", status_code=200)(pages.sign_in),
        get("/connect/form")(pages.form),
        post("/connect/answer", status_code=200)(pages.answer),
        get("/connect/wait")(pages.wait),
        get("/connect/callback")(pages.callback),
        post("/connect/cancel", status_code=200)(pages.cancel),
        get("/connect/device")(pages.device),
        get("/connect/style.css")(pages.style),
        *pump_routes(desk),
        *looks_routes(services.database),
        *notice_routes(services),
        *invite_routes(services),
        *home_routes(services),
    ]


class ConnectPages:
    """One method per page, up to the sign-in."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._counter = desk, desk.services.counter

    async def start(self, request: WebRequest) -> HtmlResponse:
        """The kinds of devices there are."""
        return await self._desk.with_session(request, query_of(request), self._start)

    async def manufacturers(self, request: WebRequest) -> HtmlResponse:
        """The manufacturers, searchable; who signs in again is spared them."""
        return await self._desk.with_session(request, query_of(request), self._manufacturers)

    async def consent(self, request: WebRequest) -> HtmlResponse:
        """What is read, what is written, by whom."""
        return await self._desk.with_session(request, query_of(request), self._consent)

    async def sign_in(self, request: WebRequest) -> HtmlResponse:
        """On to the vendor, to its form, or to the page with its code."""
        return await self._desk.with_session(request, await form_of(request), self._sign_in)

    async def form(self, request: WebRequest) -> HtmlResponse:
        """The vendor's form."""
        return await self._desk.with_state(request, query_of(request), self._form)

    async def answer(self, request: WebRequest) -> HtmlResponse:
        """What the person filled into the vendor's form."""
        return await self._desk.with_state(request, await form_of(request), self._answer)

    async def wait(self, request: WebRequest) -> HtmlResponse:
        """The code to enter elsewhere, until it has been entered."""
        return await self._desk.with_state(request, query_of(request), self._wait)

    async def callback(self, request: WebRequest) -> HtmlResponse:
        """What the vendor sent back."""
        return await self._desk.with_state(request, query_of(request), self._callback)

    async def cancel(self, request: WebRequest) -> HtmlResponse:
        """Back to where the person came from, without a device."""
        return await self._desk.with_session(request, await form_of(request), self._cancel)

    async def device(self, request: WebRequest) -> HtmlResponse:
        """A session for the very device a signed link names."""
        services, language = self._desk.services, language_of(request)
        try:
            subject = services.secrets.open(
                LINK_PURPOSE, query_of(request).get("secret", ""), services.clock.wall_now()
            )
            org_id, _, heat_pump_id = subject.partition("|")
            act = Act(services.database, services.clock, Actor("link", request_id(request)), UUID(org_id))
            home = services.public_url + DONE_PAGE
            session_id = await onboarding.session_for_pump(act, UUID(heat_pump_id), home, language)
        except (Unauthenticated, NotFound):
            return await self._desk.over(SessionOver("unknown"), language)
        return go(f"/connect/heat-pumps?onboarding_session_id={session_id}")

    async def style(self) -> HtmlResponse:
        """The style sheet."""
        return style()

    async def _start(self, visit: Visit) -> HtmlResponse:
        return self._desk.page(visit, "start.html", now="device")

    async def _manufacturers(self, visit: Visit) -> HtmlResponse:
        if visit.again:
            return self._desk.page(visit, "again.html", manifest=self._desk.manifest(visit))
        wanted = visit.values.get("q", "").strip()[:100]
        found = [m for m in self._counter.vendors.manifests() if _is_called(m, wanted)]
        return self._desk.page(visit, "manufacturers.html", now="maker", manifests=found, q=wanted)

    async def _consent(self, visit: Visit) -> HtmlResponse:
        return self._ask_consent(visit, self._desk.manifest(visit))

    def _ask_consent(self, visit: Visit, manifest: Manifest, *faults: FieldFault) -> HtmlResponse:
        words: dict[str, Any] = {
            "manifest": manifest,
            "terms": terms_of(manifest),
            "reads": [name for name in THINGS if name in manifest.channels],
            "writes": [name for name in THINGS if name in manifest.levers],
            "how": HOW_YOU_SIGN_IN[manifest.sign_in],
            "leaves": manifest.sign_in is SignInKind.REDIRECT,  # makers do not let their pages be framed
            "faults": faults,
        }
        return self._desk.page(visit, "consent.html", 422 if faults else 200, now="consent", **words)

    async def _sign_in(self, visit: Visit) -> HtmlResponse:
        manifest = self._desk.manifest(visit)
        if not visit.again and visit.values.get("terms") != terms_of(manifest):
            return self._ask_consent(visit, manifest)
        if not visit.again and visit.values.get("consent") != "yes":
            return self._ask_consent(visit, manifest, NOT_AGREED)
        nonce, services = secrets.token_urlsafe(16), self._desk.services
        state = services.secrets.sign(CONNECT_STATE, f"{visit.session.id}|{nonce}", services.clock.wall_now())
        step = await flow.begin_sign_in(visit.act, self._counter, visit.session, manifest.name, (nonce, state))
        if isinstance(step, RedirectStep):
            return go(step.url)
        return go(f"/connect/{'form' if isinstance(step, FormStep) else 'wait'}?{urlencode({'state': state})}")

    async def _form(self, visit: Visit) -> HtmlResponse:
        return self._ask(visit, _asked(visit, "form"), {})

    def _ask(
        self, visit: Visit, fields: list[dict[str, Any]], texts: Mapping[str, str], *faults: FieldFault
    ) -> HtmlResponse:
        shown: dict[str, Any] = {"fields": fields, "texts": texts, "faults": faults, "questions": QUESTIONS}
        shown |= {"state": visit.values["state"], "manifest": self._desk.manifest(visit)}
        return self._desk.page(visit, "form.html", 422 if faults else 200, now="sign_in", **shown)

    async def _answer(self, visit: Visit) -> HtmlResponse:
        fields = _asked(visit, "form")
        answer = {field["name"]: visit.values.get(field["name"], "").strip()[:2000] for field in fields}
        required = [field["name"] for field in fields if field["is_required"]]
        missing = [FieldFault(name, N_("Fill in this field.")) for name in required if not answer[name]]
        if missing:
            return self._ask(visit, fields, answer, *missing)
        try:
            return await self._finish(visit, answer)
        except OutsideWorldError as error:
            if not is_answer_wrong(error):
                raise
            fault = fault_of(AccessLost(error.detail) if isinstance(error, AccessLost) else error)
            values = {"partner": visit.looks.name, "minutes": str(fault.minutes)}
            texts = (fault.heading, fault.advice)
            return self._ask(visit, fields, answer, *(FieldFault(fields[0]["name"], text, values) for text in texts))

    async def _wait(self, visit: Visit) -> HtmlResponse:
        kind = visit.session.step.get("asked", {}).get("kind", "")
        asked = _asked_for(visit, kind if kind in {"pair", "device_code"} else "pair")
        code = asked.get("code") or asked.get("user_code") or ""
        after_s: float = max(asked.get("interval_s") or 0, LOOK_AGAIN_S)
        try:
            return await self._finish(visit, {"code": code, "user_code": code, "state": visit.values["state"]})
        except TryAgain as pending:
            if pending.code != "sign_in_pending":
                after_s = max(after_s, pending.after_s)
        return self._show_code(visit, asked, code, round(after_s))

    def _show_code(self, visit: Visit, asked: Mapping[str, Any], code: str, after_s: int) -> HtmlResponse:
        """The code, on a page that looks again by itself unless the person has stopped it."""
        itself = visit.values.get("auto") != "off"
        shown: dict[str, Any] = {
            "asked": asked,
            "code": code,
            "itself": itself,
            "after_s": after_s,
            "state": visit.values["state"],
        }
        shown |= {"manifest": self._desk.manifest(visit), "server": self._desk.services.public_url}
        headers = {"Refresh": str(after_s)} if itself else {}
        return self._desk.page(visit, "wait.html", now="sign_in", headers=headers, **shown)

    async def _callback(self, visit: Visit) -> HtmlResponse:
        ours = {"nonce", "onboarding_session_id"}
        return await self._finish(visit, {name: text for name, text in visit.values.items() if name not in ours})

    async def _finish(self, visit: Visit, answer: Mapping[str, str]) -> HtmlResponse:
        devices = await flow.finish_sign_in(visit.act, self._counter, visit.session, visit.values["nonce"], answer)
        visit = await self._desk.anew(visit)
        if visit.again:
            heat_pump_id = await again.sign_in_again(visit.act, self._counter, visit.session)
            return go(self._desk.success_of(visit.session, heat_pump_id))
        return go(visit.path("abilities" if len(devices) == 1 else "choose"))

    async def _cancel(self, visit: Visit) -> HtmlResponse:
        await onboarding.cancel(visit.act, visit.session)
        return go(visit.session.cancel_url)


def terms_of(manifest: Manifest) -> str:
    """A short sum of what the consent page says is read and written, so that nobody agrees to another text."""
    told = "|".join((flow.CONSENT_TEXT_VERSION, manifest.name, *scopes_of(manifest)))
    return sha256(told.encode()).hexdigest()[:16]


def _is_called(manifest: Manifest, wanted: str) -> bool:
    return wanted.casefold() in " ".join((manifest.title, *manifest.brands)).casefold()


def _asked(visit: Visit, kind: str) -> list[dict[str, Any]]:
    """The fields of the form this very sign-in asks for; raises :class:`BegunAnew`."""
    fields: list[dict[str, Any]] = _asked_for(visit, kind)["fields"]
    return fields


def _asked_for(visit: Visit, kind: str) -> dict[str, Any]:
    step = visit.session.step
    asked: dict[str, Any] = step.get("asked", {})
    if step.get("nonce") != visit.values["nonce"] or asked.get("kind") != kind:
        raise BegunAnew("This sign-in was begun anew or is over.")
    return asked
