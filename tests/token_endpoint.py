"""Microsoft's token endpoint as a stub: as fast as Python can be over TLS, in a process of its own.

It answers refreshes alone, with answers as long as Microsoft's. For measuring and for soaks, where the simulated
Microsoft 365 would be the slowest part; what it says in trouble is the simulator's to tell.

A refresh token names its grant and its place in the grant's history: the stub keeps a number a grant, and nothing
else. Under *strict rotation* only the newest is honoured, under Entra's real behaviour each one is.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import secrets
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests

from config.demo.children import Child, Command
from tests.certificates import for_localhost
from tests.servers import ENVIRONMENT, wait_until

LASTS = 4000  # seconds
SCOPE = "openid profile offline_access User.Read Calendars.Read Contacts.Read"
_CONTROL = "/control"
_HEAD = "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store, no-cache\r\nPragma: no-cache\r\n"
# As long as those of Microsoft: an access token of Graph, an id_token, a refresh token.
_ACCESS, _REFRESH = ("eyJ0" + secrets.token_urlsafe(size) for size in (1500, 800))


def _id_token() -> str:
    claims = {"tid": secrets.token_hex(16), "oid": secrets.token_hex(16), "name": "Somebody", "rh": "0." + "x" * 400}
    parts = ({"typ": "JWT", "alg": "RS256", "kid": secrets.token_hex(20)}, claims)
    sealed = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*sealed, secrets.token_urlsafe(256)))


_ID_TOKEN = _id_token()


def refresh_token(grant: str, number: int) -> str:
    return f"1.{grant}.{number}.{_REFRESH}"


def number_of(token: str) -> int:
    """How many came before it."""
    return int(token.split(".")[2])


class TokenEndpoint:
    """The process, and how to speak to it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ca_path = for_localhost(directory / "localhost.pem")
        self._told = directory / "port"
        self._log = directory / "log"
        self._child: Child | None = None
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = str(self.ca_path)
        self.origin = ""

    def start(self) -> None:
        where = ("--certificate", str(self.ca_path), "--told", str(self._told))
        command = Command("token-endpoint", (sys.executable, "-m", "tests.token_endpoint", *where), ENVIRONMENT)
        self._child = Child(command, log=self._log)
        wait_until(lambda: self._told.exists() and bool(self._told.read_text()), self._child)
        self.origin = f"https://localhost:{self._told.read_text()}"

    def stop(self) -> None:
        self._http.close()
        if self._child:
            self._child.kill()

    def behave(self, *, latency: float = 0.0, is_strict: bool = False) -> None:
        """From now on; forgets every grant and count."""
        wanted = {"latency": latency, "is_strict": is_strict}
        self._http.post(self.origin + _CONTROL, json=wanted, timeout=30).raise_for_status()

    def seen(self) -> dict[str, Any]:
        """`asked`, `refused`, `most_at_once`, `first_at`, `last_at` (of its clock), and `newest` by grant."""
        answer: dict[str, Any] = self._http.get(self.origin + _CONTROL, timeout=30).json()
        return answer

    def token_url(self, tenant: str) -> str:
        return f"{self.origin}/{tenant}/oauth2/v2.0/token"


# ── The process ─────────────────────────────────────────────────────────────
class _Grants:
    def __init__(self) -> None:
        self.latency, self.is_strict = 0.0, False
        self.newest: dict[str, int] = {}
        self.count = Counter[str](asked=0, given=0, refused=0)
        self.now = self.most = 0
        self.first_at = self.last_at = 0.0

    def seen(self) -> dict[str, Any]:
        times = {"first_at": self.first_at, "last_at": self.last_at}
        return {**self.count, **times, "most_at_once": self.most, "newest": self.newest}

    def refresh(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        self.last_at = time.time()
        self.first_at = self.first_at or self.last_at
        self.count["asked"] += 1
        _, grant, number, _ = form["refresh_token"][0].split(".")
        newest = self.newest.get(grant, int(number))
        if self.is_strict and int(number) != newest:
            self.count["refused"] += 1
            return 400, _refusal()
        self.newest[grant] = newest + 1
        self.count["given"] += 1
        return 200, {
            "token_type": "Bearer",
            "scope": SCOPE,
            "expires_in": LASTS,
            "ext_expires_in": LASTS,
            "access_token": f"{_ACCESS}.{grant}.{newest + 1}",
            "refresh_token": refresh_token(grant, newest + 1),
            "id_token": _ID_TOKEN,
        }


def _refusal() -> dict[str, Any]:
    says = "AADSTS70000: The provided value for the input parameter 'refresh_token' is not valid."
    return {
        "error": "invalid_grant",
        "error_description": f"{says} Trace ID: 0 Correlation ID: 0",
        "error_codes": [70000],
        "trace_id": secrets.token_hex(8),
    }


class _Conversation(asyncio.Protocol):
    """One kept-alive connection: HTTP/1.1, one request after the other."""

    transport: asyncio.Transport

    def __init__(self, grants: _Grants, where: str) -> None:
        self._grants, self._where, self._heard = grants, where, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, gap, body = self._heard.partition(b"\r\n\r\n")
        if not gap or len(body) < _length(head):
            return
        self._heard = b""
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if path.endswith("/oauth2/v2.0/token"):
            self._tokens(body)
        elif path == _CONTROL:
            self._answer(200, self._control(method, body))
        else:
            self._answer(200, _discovery(self._where, path))

    def _tokens(self, body: bytes) -> None:
        grants, form = self._grants, parse_qs(body.decode())
        if "refresh_token" not in form:  # the application itself proves who it is
            self._answer(200, {"token_type": "Bearer", "expires_in": LASTS, "access_token": _ACCESS})
            return
        grants.now += 1
        grants.most = max(grants.most, grants.now)
        status, says = grants.refresh(form)
        if grants.latency:
            asyncio.get_running_loop().call_later(grants.latency, self._done, status, says)
        else:
            self._done(status, says)

    def _done(self, status: int, says: dict[str, Any]) -> None:
        self._grants.now -= 1
        self._answer(status, says)

    def _control(self, method: str, body: bytes) -> dict[str, Any]:
        if method == "POST":
            self._grants.__init__()  # type: ignore[misc]  # as on its first day
            for name, value in json.loads(body).items():
                setattr(self._grants, name, value)
        return self._grants.seen()

    def _answer(self, status: int, says: dict[str, Any]) -> None:
        body = json.dumps(says).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}"
        if not self.transport.is_closing():
            self.transport.write(
                f"{head}\r\nCache-Control: no-store, no-cache\r\nPragma: no-cache\r\n\r\n".encode() + body
            )


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _discovery(where: str, path: str) -> dict[str, Any]:
    tenant = f"{where}/{path.split('/')[1]}"
    return {
        "issuer": f"{tenant}/v2.0",
        "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{tenant}/oauth2/v2.0/token",
        "jwks_uri": f"{tenant}/discovery/v2.0/keys",
    }


async def _serve(certificate: Path, told: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    grants, where = _Grants(), [""]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Conversation(grants, where[0]), "127.0.0.1", 0, ssl=context, backlog=256)
    port = server.sockets[0].getsockname()[1]
    where[0] = f"https://localhost:{port}"
    told.write_text(str(port))
    await server.serve_forever()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser()
    _parser.add_argument("--certificate", type=Path, required=True)
    _parser.add_argument("--told", type=Path, required=True)
    _options = _parser.parse_args()
    asyncio.run(_serve(_options.certificate, _options.told))
