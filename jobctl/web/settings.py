"""How the service listens, and what it bears."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobctl.errors import BadInput

PORT: Final = 8099
"""Etendo RX's own."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
ANYWHERE: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    port: int = PORT
    allowed_hosts: tuple[str, ...] = ()
    """Names by which clients may call the service, beside the loopback's and the address it listens on."""
    certificate: Path | None = None
    private_key: Path | None = None
    behind_tls: bool = False
    """Clients reach the service by https only, at a proxy that passes their Host on; what proxies say is never read."""
    max_head: int = 16 * 1024
    head_timeout: float = 10.0
    max_body: int = 1024 * 1024 + 64 * 1024
    """A megabyte of data, and room for what a dialect wraps around it."""
    body_timeout: float = 30.0
    write_timeout: float = 30.0
    """In which a client takes `least_written` of its answer, or all that is left; else its connection is broken off."""
    least_written: int = 16 * 1024
    keep_alive: int = 15
    max_connections: int = 4000
    max_requests: int = 2000
    """Under way at a time, beside streams."""
    max_streams: int = 200

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def hosts(self) -> frozenset[str]:
        """What the header Host may name, without the port."""
        own = set() if self.host in ANYWHERE else {self.host.lower()}
        return LOOPBACK | own | {name.lower().strip("[]") for name in self.allowed_hosts}


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """The host of a `Host` header or an origin, in lower case, without port and brackets. Raises BadInput."""
    host, _, port = authority.rpartition(":") if _has_port(authority) else (authority, "", "")
    if not host or (port and not (port.isascii() and port.isdigit())):
        raise BadInput(f"{authority!a} is not a host")
    return host.lower().strip("[]").rstrip(".")


def _has_port(authority: str) -> bool:
    return ":" in authority and not authority.endswith("]")
