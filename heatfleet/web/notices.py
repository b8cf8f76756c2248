"""The page of a notice: its owner reads it and ticks it off. The signed secret of the action is all it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.types import ControllerRouterHandler

from heatfleet.auth.errors import Unauthenticated
from heatfleet.domain.errors import NotFound
from heatfleet.flows import cues as flow
from heatfleet.flows.cues import Shown
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.web.desk import WebRequest, form_of, language_of, query_of, request_id
from heatfleet.web.invite import InviteServices
from heatfleet.web.languages import LANGUAGES
from heatfleet.web.looks import looks_of
from heatfleet.web.pages import HtmlResponse, go, show
from heatfleet.web.words import N_

PURPOSE = "cue"
WORDS: Mapping[str, str] = {
    "nothing_to_optimise": N_("Nothing may be optimised: neither heating nor hot water is allowed to be changed."),
    "cannot_disinfect": N_(
        "We cannot heat the hot water of this heat pump to 60 °C. Keep its own weekly disinfection switched on."
    ),
    "no_export_reading": N_(
        "The heat pump cannot be raised to use solar power: nothing measures what is fed into the grid."
    ),
}
"""Our own notices in the languages of the pages; others are shown as they were sent."""


def notice_routes(services: InviteServices) -> list[ControllerRouterHandler]:
    """The route handlers of the page."""
    pages = NoticePages(services)
    place = "/connect/notices/{cue_id:uuid}"
    return [get(place)(pages.show), post(place, status_code=200)(pages.tick), get("/connect/notices")(pages.done)]


class NoticePages:
    """One method per page."""

    def __init__(self, services: InviteServices) -> None:
        self._services = services

    async def show(self, request: WebRequest) -> HtmlResponse:
        """The notice; looking at it changes nothing."""
        return await self._guarded(request, query_of(request), self._show)

    async def tick(self, request: WebRequest) -> HtmlResponse:
        """The notice is read."""
        return await self._guarded(request, await form_of(request), self._tick)

    async def done(self, request: WebRequest) -> HtmlResponse:
        """What a person sees who has ticked it off."""
        return show("notice_done.html", _language(request, query_of(request)), form_action="'none'")

    async def _guarded(self, request: WebRequest, values: Mapping[str, str], step: Any) -> HtmlResponse:
        """The page of ``step`` for the notice that the secret names, or the page that says there is none."""
        services, language = self._services, _language(request, values)
        cue_id: UUID = request.path_params["cue_id"]
        try:
            subject = services.secrets.open(PURPOSE, values.get("secret", ""), services.clock.wall_now())
            named, _, member = subject.partition("|")
            if named != str(cue_id):
                raise Unauthenticated("This link is not valid.")
            shown = await flow.shown(services.database, cue_id)
            act = Act(services.database, services.clock, Actor(member, request_id(request)), shown.cue.org_id)
            page: HtmlResponse = await step(act, shown, language, values)
            return page
        except (Unauthenticated, NotFound):
            return show("notice_over.html", language, 404, form_action="'none'")

    async def _show(self, act: Act, shown: Shown, language: str, values: Mapping[str, str]) -> HtmlResponse:
        looks, metadata = looks_of(shown.organisation), shown.cue.metadata
        words = WORDS.get(metadata.get("code", ""))
        told: dict[str, Any] = {
            "looks": looks,
            "words": words,
            "message": metadata.get("message", ""),
            "sent_at": shown.cue.sent_at,
        }
        more: dict[str, Any] = {"cue_id": shown.cue.id, "secret": values["secret"], "pump_name": shown.pump.name}
        return show("notice.html", language, 200, looks.frame_ancestors, form_action="'self'", **told, **more)

    async def _tick(self, act: Act, shown: Shown, language: str, values: Mapping[str, str]) -> HtmlResponse:
        await flow.settle(act, shown.cue.id, "information", "resolved", {})
        return go(f"/connect/notices?language={language}")


def _language(request: WebRequest, values: Mapping[str, str]) -> str:
    wanted = values.get("language", "")
    return wanted if wanted in LANGUAGES else language_of(request)
