"""Where a driver's calls may go: the operator's own vendor addresses and networks, else public https hosts only."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from heatfleet.domain.errors import Invalid, Refused

MAX_TRUSTED = 1000

Network = IPv4Network | IPv6Network


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


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks in ``text`` (``192.168.1.0/24, fd00::/8``); raises :class:`Invalid`."""
    try:
        return tuple(ip_network(part) for part in text.replace(",", " ").split())
    except ValueError as fault:
        raise Invalid.field("networks", str(fault), where="settings") from None


def is_within(url: str, networks: Sequence[Network]) -> bool:
    """Whether ``url`` names an address (no name: names can be made to point anywhere) in one of ``networks``."""
    origin_of(url)
    host = str(urlsplit(url).hostname).lower()
    if not networks or not _is_literal(host):
        return False
    ip = ip_address(host.partition("%")[0])
    return any(ip.version == network.version and ip in network for network in networks)


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
