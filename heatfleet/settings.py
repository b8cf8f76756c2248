"""Every setting, typed and described; the only file that reads the environment.

Each is a ``HEATFLEET_…`` variable; ``heatfleet settings`` shows them, secrets withheld. Vendors have settings of their
own: ``HEATFLEET_VENDOR_<NAME>_<KEY>``, whose keys each vendor's manifest names.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "HEATFLEET_"
_VENDOR = re.compile(r"HEATFLEET_VENDOR_(?P<name>[A-Z0-9]+)_(?P<key>[A-Z0-9_]+)")
_PASSWORD = re.compile(r"(?P<before>://[^:/?#]*:)[^@/]*@")


def default_home() -> Path:
    """The state folder when nobody names one: the platform's folder for user data."""
    return Path(platformdirs.user_data_dir("heatfleet", appauthor=False))


class Settings(BaseSettings):
    """What an operator can set; the defaults suit one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    # Where things are
    home: Path = Field(default_factory=default_home, description="State folder: embedded database, keys, caches.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL 15 or newer, as postgresql://user:password@host/name. Unset: the embedded one."
    )
    database_pool_max: int = Field(20, ge=2, le=500, description="Most database connections per process.")
    postgres_user: str = Field(
        "nobody", description="Operating-system user the embedded database runs as when heatfleet is started as root."
    )

    # Web
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="Address under which people and partners reach the server. Unset: http://HOST:PORT."
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses of reverse proxies whose forwarded headers count, comma-separated."
    )
    rate_limit_per_minute: int = Field(6000, ge=1, description="Requests per minute and client of the Partner API.")
    login_attempts_per_minute: int = Field(
        10, ge=1, description="Failed sign-ins per minute after which an account and an address have to wait."
    )
    max_body_bytes: int = Field(1_000_000, ge=10_000, description="Largest request body taken [bytes].")
    access_token_s: int = Field(36_000, ge=60, le=86_400, description="How long an access token is valid [s].")
    refresh_token_s: int = Field(30 * 86_400, ge=3600, description="How long a refresh token is valid [s].")

    metrics_token: SecretStr | None = Field(
        None, description="Bearer token for /metrics. Unset: /metrics is served to private addresses only."
    )

    # Keys
    master_key: SecretStr | None = Field(
        None,
        description="Keys that seal vendor credentials: base64 of 32 bytes each, comma-separated, newest first."
        " Unset: the key file.",
    )
    key_file: Path | None = Field(
        None,
        description="File (mode 0600) with the keys of master_key, made when missing. Unset: KEY_FOLDER/seal.key.",
    )
    key_folder: Path | None = Field(
        None, description="Folder (mode 0700) with the keys that sign access tokens and links. Unset: HOME/keys."
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line logged.")
    log_json: bool = Field(False, description="Log one JSON object per line instead of text for people.")

    # The world
    sandbox: bool = Field(False, description="Offer the sandbox vendor: virtual homes that play a cloud.")
    entsoe_api_key: SecretStr | None = Field(
        None, description="Key of the ENTSO-E transparency platform. Unset: energy-charts is asked, without a key."
    )
    price_zones: str = Field(
        "", description="Price zones to fetch, comma-separated. Empty: those of the heat pumps there are."
    )
    http_connect_timeout_s: float = Field(5.0, gt=0, description="Longest wait for a connection to a vendor [s].")
    http_timeout_s: float = Field(30.0, gt=0, description="Longest whole request to a vendor or source [s].")
    http_connections: int = Field(100, ge=1, description="Most open connections to vendors and sources at once.")

    vendor_processes: int = Field(
        1,
        ge=1,
        le=1000,
        description="Worker processes on all machines; each takes its part of every vendor's call budgets.",
    )

    # Gateways in homes
    mqtt_url: SecretStr | None = Field(
        None,
        description="Broker for gateways that use one, as mqtts://user:password@host:8883. Unset: WebSockets only.",
    )

    # The loop
    poll_interval_s: int = Field(
        300, ge=10, description="Time between two readings of a heat pump [s], longer where its vendor wants it."
    )
    telemetry_raw_days: int = Field(
        8, ge=2, le=60, description="Days of telemetry kept as rows before they are compacted."
    )
    telemetry_retention_days: int = Field(
        730, ge=0, description="Days compacted telemetry is kept; 0 = for ever. Hours stay two years, days for ever."
    )
    worker_batch: int = Field(500, ge=1, le=10_000, description="Most jobs a worker takes at once.")
    job_lease_s: float = Field(300.0, gt=0, description="Time after which the job of a dead worker is begun anew [s].")
    executor: str = Field(
        "process",
        description="Where heavy arrays are computed: process, thread, or dask://host:port.",
        pattern=r"^(process|thread|dask://.+)$",
    )
    executor_workers: int | None = Field(
        None, ge=1, description="Parallel computations of the process or thread executor. Unset: one per core."
    )
    max_fleet_change: float = Field(
        0.3, gt=0, le=1, description="Largest share of the fleet's power one batch of commands may move."
    )

    @field_validator("home", "key_file", "key_folder")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @property
    def key_path(self) -> Path:
        """The folder with our keys."""
        return self.key_folder or self.home / "keys"

    @property
    def sign_key_path(self) -> Path:
        """The first key of access tokens; those that came by rotation lie beside it."""
        return self.key_path / "sign.pem"

    @property
    def seal_key_path(self) -> Path:
        """Where the keys of vendor credentials lie."""
        return self.key_file or self.key_path / "seal.key"

    @property
    def base_url(self) -> str:
        """The address others use, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def dsn(self) -> str | None:
        """The external database, or None for the embedded one."""
        return self.database_url.get_secret_value() if self.database_url else None

    def redacted(self) -> dict[str, str]:
        """Variable → value for people to see; secrets as ``(set)``, unset ones empty, passwords in URLs starred."""
        return {f"{PREFIX}{name.upper()}": _shown(getattr(self, name)) for name in type(self).model_fields}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return _PASSWORD.sub(r"\g<before>***@", secret) if "://" in secret else "(set)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def describe() -> dict[str, str]:
    """Variable → what it means, for ``heatfleet settings`` and the docs."""
    return {f"{PREFIX}{name.upper()}": info.description or "" for name, info in Settings.model_fields.items()}


def vendor_settings(environment: Mapping[str, str] | None = None) -> dict[str, dict[str, str]]:
    """Vendor name → key → value of every ``HEATFLEET_VENDOR_<NAME>_<KEY>``."""
    found: dict[str, dict[str, str]] = {}
    for name, value in (os.environ if environment is None else environment).items():
        match = _VENDOR.fullmatch(name)
        if match:
            found.setdefault(match["name"].lower(), {})[match["key"].lower()] = value
    return found


def child_environment(settings: Settings, *, database_url: str) -> dict[str, str]:
    """The environment of our own child processes: this one, with settings changed in code and the database to use."""
    changed = {
        f"{PREFIX}{name.upper()}": _plain(getattr(settings, name))
        for name in settings.model_fields_set
        if getattr(settings, name) is not None
    }
    return {**os.environ, **changed, f"{PREFIX}DATABASE_URL": database_url}


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def use_numba_cache(folder: Path) -> None:
    """Keeps numba's compiled kernels below ``folder``; must run before numba is imported.

    ``NUMBA_CACHE_DIR``, where it is set, is another folder for them, which may be shared. numba does not notice when a
    kernel that another one calls has changed, so each state of the sources has its own.
    """
    rooms = [Path(__file__).parent / room for room in ("thermal", "planning")]
    sources = sorted(file for room in rooms for file in room.glob("*.py"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:12]
    given = os.environ.get("NUMBA_CACHE_DIR")
    for older in [] if given else folder.glob("*"):
        if older.is_dir() and older.name != digest:
            shutil.rmtree(older)
    kept = Path(given) if given else folder
    os.environ["NUMBA_CACHE_DIR"] = str(kept if kept.name == digest else kept / digest)
