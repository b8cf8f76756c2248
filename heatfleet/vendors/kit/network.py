"""Where a driver's calls may go: the operator's own vendor addresses, else public https hosts only."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from heatfleet.domain.errors import Refused

MAX_TRUSTED = 1000


def is_public(address: str) -> bool:
    """Whether ``address`` (an IP literal) is reachable by the world: not private, loopback, link-local, reserved …"""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def origin_of(url: str) -> str:
    """``scheme://host:port`` of ``url`` in lower case; raises :class:`Refused` when it is no http(s) address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused("not an http address", code="forbidden_address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


class GuardedResolver(AbstractResolver):
    """A resolver that hides private addresses of every host the operator has not named."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()
        self._origins: set[str] = set()
        self._hosts: set[str] = set()

    def trust(self, url: str) -> None:
        """Let calls to the origin of ``url`` through wherever its host resolves to."""
        assert len(self._origins) < MAX_TRUSTED
        self._origins.add(origin_of(url))
        self._hosts.add(str(urlsplit(url).hostname).lower())

    def check(self, url: str) -> None:
        """Raises :class:`Refused` when ``url`` is neither trusted nor https to a public address or name."""
        if origin_of(url) in self._origins:
            return
        host = str(urlsplit(url).hostname).lower()
        if urlsplit(url).scheme != "https" or host in self._hosts:
            raise Refused("only https outside the configured addresses", code="forbidden_address")
        if _is_literal(host) and not is_public(host):
            raise Refused("private address", code="forbidden_address")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of ``host``; OSError when a host nobody trusts has only private ones."""
        found = await self._resolver.resolve(host, port, family)
        if host.lower() in self._hosts:
            return found
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise OSError("the host resolves to private addresses only")
        return public

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._resolver.close()


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
