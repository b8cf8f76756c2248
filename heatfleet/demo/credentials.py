"""Who may use the demo: made once, kept in ``demo.json`` (mode 0600), the same at every later start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

FILE, STREET_FILE = "demo.json", "homes.json"
ADMIN_EMAIL = "admin@demo.example"
USER_EMAIL = "user@demo.example"


@dataclass(frozen=True)
class Credentials:
    """Ids and secrets of the demo's organisation."""

    org_id: str
    client_id: str
    client_secret: str
    user_id: str
    admin_email: str
    admin_password: str


def load(home: Path) -> Credentials | None:
    """What an earlier start made, or None."""
    file = home / FILE
    if not file.exists():
        return None
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Credentials(**{field.name: kept[field.name] for field in fields(Credentials)})


def keep(home: Path, credentials: Credentials) -> None:
    """Write them whole or not at all, for this user's eyes only."""
    _write(home / FILE, asdict(credentials))


def same_street(home: Path, homes: int, seed: int) -> tuple[int, int]:
    """How many homes with which seed stand here: those of the first start, for they have grants and meters by now."""
    file = home / STREET_FILE
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        return int(kept["homes"]), int(kept["seed"])
    _write(file, {"homes": homes, "seed": seed})
    return homes, seed


def _write(file: Path, content: dict[str, object]) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
