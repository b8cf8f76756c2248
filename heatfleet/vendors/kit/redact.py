"""What may be shown or logged of a vendor's answer: structure and numbers yes, secrets and persons no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from urllib.parse import urlsplit

HIDDEN = "•••"
MAX_TEXT = 200
MAX_ITEMS = 100
MAX_DEPTH = 8

_SECRET_KEY = re.compile(
    r"token|secret|passw|authori[sz]ation|cookie|session|api.?key|credential|^code$|^state$|pin$|"
    r"e.?mail|first.?name|last.?name|user.?name|street|address|zip|phone|latitude|longitude|serial",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(r"(bearer\s+\S+)|([\w.+-]+@[\w-]+\.[\w.-]+)|(eyJ[\w-]+\.[\w-]+\.[\w-]*)", re.IGNORECASE)


def redact(value: object, depth: int = 0) -> object:
    """``value`` with secrets, mail addresses and long texts taken out; same structure, bounded in size."""
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            str(k): HIDDEN if _SECRET_KEY.search(str(k)) else redact(v, depth + 1)
            for k, v in islice(value.items(), MAX_ITEMS)
        }
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return HIDDEN
    if isinstance(value, Sequence):
        return [redact(item, depth + 1) for item in value[:MAX_ITEMS]]
    return value


class Redacted(Mapping[str, object]):
    """A vendor's answer that is redacted when somebody looks at it: most are looked at by nobody.

    ``told`` makes the answer as built-in values, such as ``lambda: msgspec.to_builtins(state)``.
    """

    def __init__(self, told: Callable[[], object]) -> None:
        self._told = told

    @cached_property
    def _shown(self) -> Mapping[str, object]:
        shown = redact(self._told())
        return shown if isinstance(shown, dict) else {"answer": shown}

    def __getitem__(self, key: str) -> object:
        """One redacted value."""
        return self._shown[key]

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(self._shown)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._shown)


def redact_text(text: str) -> str:
    """``text`` without bearer tokens, JWTs and mail addresses, at most ``MAX_TEXT`` characters."""
    clean = _SECRET_TEXT.sub(HIDDEN, text)
    return clean if len(clean) <= MAX_TEXT else clean[:MAX_TEXT] + "…"


def redact_url(url: str) -> str:
    """Host and path of ``url``: no query, no fragment, no user info."""
    parts = urlsplit(url)
    return redact_text(f"{parts.hostname or ''}{parts.path}")
