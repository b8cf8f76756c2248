"""How the pages look for one organisation: its name, its logo, its colour, and who may embed them.

Colour and logo are served by ourselves, as a style sheet and a picture of their own: the pages' policy allows neither
inline styles nor anything from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import MediaType, Request, Response, get
from litestar.types import ControllerRouterHandler

from heatfleet.domain.logos import read_logo
from heatfleet.store import organisations
from heatfleet.store.database import Database
from heatfleet.store.organisations import Organisation
from heatfleet.web.colour import SHAPE_CONTRAST, TEXT_CONTRAST, readable_on, text_on
from heatfleet.web.pages import HtmlResponse

WebRequest = Request[Any, Any, Any]
LIGHT, DARK = "#ffffff", "#14181c"
"""The pages' backgrounds, as ``style.css`` has them."""
OUR_COLOUR = "#0b6e4f"
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # the version is in the address
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True)
class Looks:
    """What a page of one organisation needs to know of it."""

    org_id: UUID
    name: str
    version: int
    has_logo: bool
    frame_ancestors: tuple[str, ...]

    @property
    def stylesheet(self) -> str:
        """Address of the organisation's colours."""
        return f"/connect/looks/{self.org_id}/style.css?v={self.version}"

    @property
    def logo(self) -> str | None:
        """Address of its logo, if we have one."""
        return f"/connect/looks/{self.org_id}/logo?v={self.version}" if self.has_logo else None


def looks_of(organisation: Organisation) -> Looks:
    """The looks of an organisation; a logo that lies elsewhere is left there."""
    has_logo = (organisation.logo_url or "").startswith("data:")
    ancestors = tuple(organisation.frame_ancestors)
    return Looks(organisation.id, organisation.name, organisation.version, has_logo, ancestors)


def colours(colour: str | None) -> str:
    """The style sheet of a colour: buttons and accents with contrast enough by day and by night."""
    return (
        f":root{{{_scheme(colour or OUR_COLOUR, LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_scheme(colour or OUR_COLOUR, DARK)}}}}}\n"
    )


def _scheme(colour: str, background: str) -> str:
    button = readable_on(background, colour, SHAPE_CONTRAST)
    accent = readable_on(background, colour, TEXT_CONTRAST)
    return f"--main:{button};--on-main:{text_on(button)};--accent:{accent}"


def looks_routes(database: Database) -> list[ControllerRouterHandler]:
    """The route handlers of colours and logos."""

    async def organisation(request: WebRequest) -> Organisation | None:
        org_id: UUID = request.path_params["org_id"]
        async with database.read(org_id) as tx:
            return await organisations.get(tx, org_id)

    async def style(request: WebRequest) -> HtmlResponse:
        found = await organisation(request)
        return Response(colours(found.colour if found else None), media_type=MediaType.CSS, headers=_FOREVER)

    async def logo(request: WebRequest) -> HtmlResponse:
        found = await organisation(request)
        if found is None or not looks_of(found).has_logo:
            return Response(b"", status_code=404, media_type=MediaType.TEXT)
        picture = read_logo(found.logo_url or "")
        headers = {**_FOREVER, "Content-Security-Policy": _PICTURE_POLICY}
        return Response(picture.content, media_type=picture.media_type, headers=headers)

    place = "/connect/looks/{org_id:uuid}"
    return [get(f"{place}/style.css")(style), get(f"{place}/logo")(logo)]
