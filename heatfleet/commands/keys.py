"""``heatfleet keys …``: the keys that sign access tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with


def rotate(
    after_s: Annotated[
        int, typer.Option("--after", min=60, help="Seconds until the new key signs; longer when you copy it by hand.")
    ] = 60,
) -> None:
    """Make a new key for access tokens; prints all keys as JSON. Nothing has to be restarted.

    The new key is published at once (/.well-known/jwks.json) and signs after --after seconds, when every web process
    knows it. Tokens signed before stay good until they expire; the key before is dropped a day after it last signed.
    Server processes on other machines need the same key folder: copy the new file there before it signs.

    After a leak, rotate and then delete the leaked key's file: its tokens end within seconds.

    Example: heatfleet keys rotate
    """
    from heatfleet.app import signing_keys

    signing_keys(settings_with(), timedelta(seconds=after_s))
    list_keys()


def list_keys() -> None:
    """Print the keys of access tokens, oldest first, one JSON document a line.

    ``signs_from`` is when a key begins to sign (null: from the first start on), ``checks_until`` when tokens of it
    are no longer taken (null: no newer key yet), ``signs`` marks the one that signs now.

    Example: heatfleet keys list
    """
    from heatfleet.app import signing_keys

    ring, now = signing_keys(settings_with())
    signer = ring.signer(now)
    for known in ring.keys(now):
        show.json_line(
            {
                "kid": known.key.kid,
                "file": known.file,
                "signs_from": None if known.is_first else known.signs_from,
                "checks_until": known.checks_until,
                "signs": known.key.kid == signer.kid,
            }
        )
