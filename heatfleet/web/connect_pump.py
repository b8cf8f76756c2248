"""The Connect UI after the sign-in: which heat pump, what we can do with it, what its owner wishes, done."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.types import ControllerRouterHandler

from heatfleet.domain.errors import Invalid
from heatfleet.flows import connect as flow
from heatfleet.flows.connect import Probe
from heatfleet.flows.toolbox import SessionOver
from heatfleet.vendors.kit.driver import Cannot
from heatfleet.web import comfort
from heatfleet.web.comfort import RANGES, ComfortForm
from heatfleet.web.desk import Desk, Visit, WebRequest, form_of, language_of, query_of, request_id
from heatfleet.web.pages import HtmlResponse, go, show
from heatfleet.web.words import NOT_OFFERED, THINGS, UNITS, WHY_NOT


def pump_routes(desk: Desk) -> list[ControllerRouterHandler]:
    """The route handlers of these pages."""
    pages = PumpPages(desk)
    return [
        get("/connect/choose")(pages.choose),
        post("/connect/choose", status_code=200)(pages.chosen),
        get("/connect/abilities")(pages.abilities),
        get("/connect/comfort")(pages.comfort),
        post("/connect/comfort", status_code=200)(pages.connect),
        get("/connect/done")(pages.done),
    ]


class PumpPages:
    """One method per page."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._counter = desk, desk.services.counter

    async def choose(self, request: WebRequest) -> HtmlResponse:
        """The devices of an account that has several."""
        return await self._desk.with_session(request, query_of(request), self._choose)

    async def chosen(self, request: WebRequest) -> HtmlResponse:
        """The one the person chose."""
        return await self._desk.with_session(request, await form_of(request), self._chosen)

    async def abilities(self, request: WebRequest) -> HtmlResponse:
        """What we can do with this heat pump, and what not."""
        return await self._desk.with_session(request, query_of(request), self._abilities)

    async def comfort(self, request: WebRequest) -> HtmlResponse:
        """What the person wishes."""
        return await self._desk.with_session(request, query_of(request), self._comfort)

    async def connect(self, request: WebRequest) -> HtmlResponse:
        """The heat pump is connected, or the form says what is wrong with it."""
        return await self._desk.with_session(request, await form_of(request), self._connect)

    async def done(self, request: WebRequest) -> HtmlResponse:
        """Where a person ends who came without a partner's page."""
        values = query_of(request)
        language, looks, home_url = language_of(request), None, None
        try:
            await self._desk.session(values.get("onboarding_session_id", ""))
        except SessionOver as over:
            if over.session is not None:
                language, looks = over.session.language, await self._desk.looks(over.session)
                home_url = await self._desk.home_url(over.session, request_id(request))
        ancestors = looks.frame_ancestors if looks else ()
        shown: dict[str, Any] = {"is_connected": "deviceId" in values, "looks": looks, "home_url": home_url}
        return show("done.html", language, 200, ancestors, **shown)

    async def _choose(self, visit: Visit) -> HtmlResponse:
        offer = await flow.offer(visit.act, self._counter, visit.session)
        return self._desk.page(visit, "choose.html", now="pump", devices=offer.devices, taken=offer.taken)

    async def _chosen(self, visit: Visit) -> HtmlResponse:
        await flow.choose_device(visit.act, self._counter, visit.session, visit.values.get("device", ""))
        return go(visit.path("abilities"))

    async def _abilities(self, visit: Visit) -> HtmlResponse:
        probe = await flow.probe(visit.act, self._counter, visit.session)
        several = len(visit.session.step.get("devices", ())) > 1
        return self._desk.page(visit, "abilities.html", now="pump", several=several, **_told(probe))

    async def _comfort(self, visit: Visit) -> HtmlResponse:
        probe = await flow.probe(visit.act, self._counter, visit.session)
        return self._ask(visit, probe, comfort.offered(probe))

    async def _connect(self, visit: Visit) -> HtmlResponse:
        probe = await flow.probe(visit.act, self._counter, visit.session)
        form, wishes = comfort.read(comfort.offered(probe), visit.values)
        if form.faults:
            return self._ask(visit, probe, form)
        visit = await self._desk.anew(visit)
        try:
            heat_pump_id = await flow.connect(visit.act, self._counter, visit.session, wishes)
        except Invalid as why:
            return self._ask(visit, probe, comfort.refused(form, why))
        return go(self._desk.success_of(visit.session, heat_pump_id))

    def _ask(self, visit: Visit, probe: Probe, form: ComfortForm) -> HtmlResponse:
        shown = {"form": form, "faults": form.faults, "ranges": RANGES, "device": probe.device}
        return self._desk.page(visit, "comfort.html", 422 if form.faults else 200, now="comfort", **shown)


def _told(probe: Probe) -> dict[str, Any]:
    """What the probe found, in the order and with the words of people."""
    device, manifest = probe.device, probe.manifest
    values = {str(channel): (value, UNITS[channel]) for channel, value in probe.values.items() if channel in UNITS}
    return {
        "device": device,
        "reads": [(name, values.get(name)) for name in THINGS if name in device.channels],
        "writes": [name for name in THINGS if name in device.levers],
        "cannot_read": _missing(device.cannot, "Channel", set(manifest.channels) - set(device.channels)),
        "cannot_write": _missing(device.cannot, "Lever", set(manifest.levers) - set(device.levers)),
    }


def _missing(cannot: tuple[Cannot, ...], kind: str, missing: set[Any]) -> list[tuple[str, str]]:
    """What cannot be done and why: as the driver says, or because this one does not offer it."""
    why = {str(one.what): WHY_NOT[one.why] for one in cannot if type(one.what).__name__ == kind}
    return [(name, why.get(name, NOT_OFFERED)) for name in THINGS if name in why or name in missing]
