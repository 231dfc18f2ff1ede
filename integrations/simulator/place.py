"""Where this simulator runs: its data directory, its ports and the two origins that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Place:
    data: Path
    host: str = "127.0.0.1"
    https_port: int = 8443
    http_port: int = 8081
    dns_port: int = 8053
    exchange_port: int = 8444
    """Of the Exchange Server on-premises: HTTPS, too."""
    names: tuple[str, ...] = ()
    """Further host names that are answered, and that the certificate is for."""

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def machine_origin(self, authority: str = "localhost") -> str:
        """Tokens and Graph: HTTPS. `authority` is the (allowed) Host of the request being answered."""
        return f"https://{_hostname(authority)}:{self.https_port}"

    def exchange_origin(self, authority: str = "localhost") -> str:
        """The Exchange Server on-premises: HTTPS, and none of Microsoft's."""
        return f"https://{_hostname(authority)}:{self.exchange_port}"

    def human_origin(self, authority: str = "localhost") -> str:
        """The pages people see: plain HTTP, so that no browser has to trust the certificate authority."""
        return f"http://{_hostname(authority)}:{self.http_port}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def settle(place: Place) -> None:
    """Said once, by `serve`, before the first request."""
    global _here
    _here = place


def here() -> Place:
    if _here is None:
        raise RuntimeError("The simulator is not being served: start it with `manage.py simulator`.")
    return _here


_here: Place | None = None


def _hostname(authority: str) -> str:
    hostname = urlsplit(f"//{authority}").hostname or "localhost"
    return f"[{hostname}]" if ":" in hostname else hostname
