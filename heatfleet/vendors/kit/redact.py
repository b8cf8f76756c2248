"""What may be shown or logged of a vendor's answer: structure and numbers yes, secrets and persons no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from urllib.parse import urlsplit

HIDDEN = "•••"
MAX_TEXT = 200
MAX_ITEMS = 100
MAX_DEPTH = 8

_SECRET_KEY = re.compile(
    r"token|secret|passw|authori[sz]ation|cookie|session|api.?key|credential|^code$|^state$|pin$|"
    r"e.?mail|first.?name|last.?name|user.?name|street|address|zip|phone|latitude|longitude|serial|"
    r"^name$|(system|device|home|house|installation|owner|customer|account|display|nick|family|full).?name|"
    r"postal|^city$|^town$|birth|ssid|iban|imei|^mac$|mac.?addr|^ip$",
    re.IGNORECASE,
)
_PERSON_KEY = re.compile(r"^(owner|user|installer|customer|contact)$", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(bearer\s+\S+)|([\w.+-]+@[\w-]+\.[\w.-]+)|(eyJ[\w-]+\.[\w-]+\.[\w-]*)", re.IGNORECASE)


def redact(value: object, depth: int = 0) -> object:
    """``value`` with secrets, mail addresses and long texts taken out; same structure, bounded in size."""
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            str(k): HIDDEN if _is_hidden(str(k), v) else redact(v, depth + 1)
            for k, v in islice(value.items(), MAX_ITEMS)
        }
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return HIDDEN
    if isinstance(value, Sequence):
        return [redact(item, depth + 1) for item in value[:MAX_ITEMS]]
    return value


def _is_hidden(key: str, value: object) -> bool:
    """Whether nothing of ``value`` may be shown; of a person's fields each is judged by itself."""
    return bool(_SECRET_KEY.search(key) or (isinstance(value, str) and _PERSON_KEY.match(key)))


def scrub(value: object, words: Iterable[str]) -> object:
    """``value`` without ``words`` (of a person, a place, an account, a device), in keys and in values, in any case.

    Words of one or two characters are taken out only where they stand alone, and numbers that short name nobody.
    """
    given = {word.strip() for word in words}
    known = sorted((word for word in given if len(word) > 2 or word.isalpha()), key=len, reverse=True)
    if not known:
        return value
    forms = (re.escape(word) if len(word) > 2 else rf"\b{re.escape(word)}\b" for word in known)
    return _scrubbed(value, re.compile("|".join(forms), re.IGNORECASE))


def _scrubbed(value: object, words: re.Pattern[str]) -> object:
    if isinstance(value, str):
        return words.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {words.sub(HIDDEN, str(key)): _scrubbed(item, words) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_scrubbed(item, words) for item in value]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return HIDDEN if is_number and words.fullmatch(str(value)) else value


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
