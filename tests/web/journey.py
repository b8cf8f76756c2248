"""A person's way through the Connect pages over HTTP, page by page, as a browser without scripts goes it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.api_server import Answer, Api

SUCCESS = "https://portal.example/success?customer=7&x=%20#top"
CANCEL = "https://portal.example/error"


async def session(api: Api, **more: Any) -> dict[str, Any]:
    """A new onboarding session, as the API answers it."""
    user_id = more.pop("user_id", None) or str(await api.user())
    body = {
        "language": "de",
        "price_zone_default": "AT",
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
        "user_id": user_id,
    }
    made = await api.call("POST", "/device-onboarding", {**body, **more})
    assert made.status == 200, made.body
    return made.body


async def page(api: Api, path: str, **query: Any) -> Answer:
    """``path`` as the browser gets it."""
    return await api.call("GET", f"/{path}", token=None, params={k: str(v) for k, v in query.items()})


async def submit(api: Api, path: str, **fields: Any) -> Answer:
    """``path`` as the browser sends a form to it."""
    return await api.call("POST", f"/{path}", token=None, data={k: str(v) for k, v in fields.items()})


async def follow(api: Api, answer: Answer) -> Answer:
    """The page that an answer sends the browser on to, if it is one of ours."""
    while answer.status == 303 and answer.headers["location"].startswith("/"):
        answer = await api.call("GET", f"/{answer.headers['location']}", token=None)
    return answer


async def agree(api: Api, session_id: str, vendor: str = "redirecting") -> Answer:
    """Reads the consent page and agrees to what it says."""
    told = await page(api, "/connect/consent", onboarding_session_id=session_id, vendor=vendor)
    terms = hidden(told, "terms") if 'name="terms"' in text(told) else ""
    form = {"onboarding_session_id": session_id, "vendor": vendor, "consent": "yes", "terms": terms}
    return await submit(api, "/connect/sign-in", **form)


async def sign_in(api: Api, session_id: str, **query: str) -> Answer:
    """Agrees, and comes back from the vendor's page; what the callback answers."""
    away = await agree(api, session_id)
    return await page(api, "/connect/callback", **{"code": "good", "state": state_of(away), **query})


async def finish(api: Api, session_id: str, **wishes: str) -> Answer:
    """Reads what can be done and sends the comfort form as it is offered, but for ``wishes``."""
    told = await page(api, "/connect/abilities", onboarding_session_id=session_id)
    if told.status != 200:
        return told
    form = await page(api, "/connect/comfort", onboarding_session_id=session_id)
    return await submit(api, "/connect/comfort", **{**fields_of(form), **wishes})


async def connect(api: Api, session_id: str) -> str:
    """The whole way; the id of the heat pump."""
    await sign_in(api, session_id)
    done = await finish(api, session_id)
    assert done.status == 303, text(done)
    return device_of(done)


def fields_of(answer: Answer) -> dict[str, str]:
    """The fields of the page's main form as a browser would send them untouched."""
    form = next(f for f in re.findall(r"<form.*?</form>", text(answer), re.DOTALL) if "/connect/cancel" not in f)
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        named = {name: unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}
        if named.get("type") != "checkbox" or " checked" in tag:
            fields[named["name"]] = named.get("value", "")
    return fields


def hidden(answer: Answer, name: str) -> str:
    """A hidden field's value."""
    found = re.search(rf'name="{name}" value="([^"]+)"', text(answer))
    assert found is not None, text(answer)
    return unescape(found[1])


def state_of(answer: Answer) -> str:
    """The state in the address that an answer sends the browser to."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


def device_of(answer: Answer) -> str:
    """The heat pump's id in the address that an answer sends the browser to."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["deviceId"][0]


def text(answer: Answer) -> str:
    """The page."""
    return answer.body.decode()


def words(answer: Answer) -> str:
    """The page's words without tags, on one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", text(answer))))
