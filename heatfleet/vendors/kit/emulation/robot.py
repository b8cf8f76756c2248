"""A robot person who signs in at an emulated vendor's page over HTTP, for set-ups and tests."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

from heatfleet.domain.errors import AccessLost


async def sign_in_by_redirect(session: aiohttp.ClientSession, url: str, username: str, password: str) -> dict[str, str]:
    """What the vendor sends back to the redirect address (``code``, ``state``) after filling in the page at ``url``.

    ``AccessLost`` when the page does not send the person back.
    """
    async with session.get(url) as response:
        form = _Form(await response.text())
    fields = form.fields | {"answer": "allow"}
    fields |= {name: username if kind in ("text", "email") else password for name, kind in form.asked.items()}
    async with session.post(urljoin(url, form.action), data=fields, allow_redirects=False) as response:
        location = response.headers.get("Location", "")
    if not location:
        raise AccessLost("the vendor's page did not accept the sign-in", code="sign_in_failed")
    return dict(parse_qsl(urlsplit(location).query))


class _Form(HTMLParser):
    """The first form of a page: where it goes, its hidden fields, the fields a person fills in."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields, self.asked = "", dict[str, str](), dict[str, str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and inputs."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = values.get("action", "")
        elif tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "input" and "name" in values:
            self.asked[values["name"]] = values.get("type", "text")
