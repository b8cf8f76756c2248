"""Lists longer than one page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .errors import UnexpectedStatus
from .types import UNSET

_NEXT = re.compile(r'[?&]after=([^&>]+)[^>]*>; rel="next"')


def every(operation: Any, *ids: Any, **arguments: Any) -> Iterator[Any]:
    """Every item of a list, page after page: ``every(list_heat_pumps, org_id, client=client, limit=100)``.

    ``operation`` is the module of a list operation. An error answer raises ``UnexpectedStatus``.
    """
    after: Any = UNSET
    while True:
        answer = operation.sync_detailed(*ids, **arguments, after=after)
        if answer.status_code != 200:
            raise UnexpectedStatus(answer.status_code, answer.content)
        yield from answer.parsed
        found = _NEXT.search(answer.headers.get("Link", ""))
        if not found:
            return
        after = found[1]
