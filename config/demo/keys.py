"""The demo's own secrets: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import os
import secrets
import uuid
from collections.abc import Callable
from pathlib import Path

MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "TOKEN_KEYS": lambda: f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    "MICROSOFT_CLIENT_ID": lambda: str(uuid.uuid4()),
    "MICROSOFT_CLIENT_SECRET": lambda: secrets.token_urlsafe(32),
    "SINGLE_SIGN_ON_CLIENT_SECRET": lambda: secrets.token_urlsafe(32),
    "SIMULATOR_CONTROL_TOKEN": lambda: secrets.token_urlsafe(32),
    "REDIS_PASSWORD": lambda: secrets.token_hex(24),
}


def kept_in(file: Path) -> dict[str, str]:
    """Those in the file; what it lacks is made and added."""
    kept = _read(file)
    lacking = {name: make() for name, make in MAKERS.items() if not kept.get(name)}
    if lacking:
        kept |= lacking
        _write(file, kept)
    return kept


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name: value for name, equals, value in pairs if equals}


def _write(file: Path, kept: dict[str, str]) -> None:
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.writelines(f"{name}={value}\n" for name, value in kept.items())
    new.replace(file)
