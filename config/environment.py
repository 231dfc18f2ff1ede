"""Reads the environment for settings.py, collecting every complaint instead of stopping at the first."""

from __future__ import annotations

import base64
import ipaddress
import re
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

KEY_BYTES = 32  # AES-256
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_MISSING = object()
# A worker of gunicorn's that ends otherwise is started again and again (gunicorn.arbiter.Arbiter.WORKER_BOOT_ERROR).
WRONG_SETTINGS = 3


def settings_or_exit() -> None:
    """For every door of a site (manage.py, the WSGI server, Celery): what is wrong with the environment is said in
    sentences, without a traceback, and ends the process."""
    from django.conf import settings

    try:
        settings.configured or settings.SECRET_KEY  # noqa: B018  reading one reads them all
    except ImproperlyConfigured as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(WRONG_SETTINGS) from None


class Reader:
    """Typed reads; `problems` holds one sentence for each variable that is missing or senseless.

    After a complaint a harmless stand-in is returned, so that all complaints come at once; settings.py
    raises when there is any.
    """

    def __init__(self, env: Any) -> None:
        self.env = env
        self.problems: list[str] = []

    def problem(self, sentence: str) -> None:
        self.problems.append(sentence)

    def text(self, name: str, *, default: object = _MISSING) -> str:
        value: str = self.env.str(name, default="").strip()
        if value:
            return value
        if default is _MISSING:
            self.problem(f"{name} is not set.")
            return ""
        return str(default)

    def secret(self, name: str, *, at_least: int) -> str:
        value = self.text(name)
        if value and len(value) < at_least:
            self.problem(f"{name} is too short: {len(value)} characters, where at least {at_least} are needed.")
        return value or "-" * at_least

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, default="")
        if not value:
            return default
        if value.lower() in {"1", "true", "yes", "on"}:
            return True
        if value.lower() not in {"0", "false", "no", "off"}:
            self.problem(f"{name} must be true or false, not “{value}”.")
        return False

    def number(self, name: str, *, at_least: int, at_most: int, default: int) -> int:
        value = self.text(name, default=default)
        if re.fullmatch("[0-9]{1,9}", value) and at_least <= int(value) <= at_most:
            return int(value)
        self.problem(f"{name} must be a number from {at_least} to {at_most}, not “{value}”.")
        return default

    def words(self, name: str, *, default: Sequence[str]) -> list[str]:
        return [word.strip() for word in self.text(name, default="").split(",") if word.strip()] or list(default)

    def one_of(self, name: str, known: Sequence[str], *, default: str) -> str:
        """One of a few words, in capitals or not."""
        value = self.text(name, default=default).upper()
        if value not in known:
            self.problem(f"{name} must be one of {', '.join(known)}, not “{value}”.")
            return default
        return value

    def origins(self, name: str, *, default: Sequence[str]) -> list[str]:
        """Addresses without a path, as a Content-Security-Policy takes them."""
        words = self.words(name, default=default)
        for word in words:
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", word):
                self.problem(f"{name} holds “{word}”, which is no origin such as https://login.microsoftonline.com.")
        return words

    def name_servers(self, name: str) -> list[str]:
        """Addresses of DNS servers, each with its port where that is not 53. None: the system's own."""
        words = self.words(name, default=[])
        for word in words:
            if not is_name_server(word):
                self.problem(f"{name} holds “{word}”, which is no address such as 192.0.2.53 or [2001:db8::53]:5353.")
        return words

    def networks(self, name: str) -> list[str]:
        """Blocks of addresses, such as 10.0.0.0/8."""
        words = self.words(name, default=[])
        for word in words:
            try:
                ipaddress.ip_network(word)
            except ValueError:
                self.problem(f"{name} holds “{word}”, which is no block of addresses such as 10.20.0.0/16.")
        return words

    def ports(self, name: str, *, default: Sequence[int]) -> list[int]:
        words = self.words(name, default=[str(port) for port in default])
        for word in words:
            if not _is_port(word):
                self.problem(f"{name} holds “{word}”, which is no port such as 8443.")
        return [int(word) for word in words if _is_port(word)]

    def emails(self, name: str) -> list[str]:
        text = self.text(name)
        addresses = [word.strip() for word in text.split(",") if word.strip()]
        if text and not addresses:
            self.problem(f"{name} names nobody.")
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                self.problem(f"{name} holds “{address}”, which is no e-mail address.")
        return addresses

    def url(self, name: str, *, schemes: Sequence[str], default: object = _MISSING) -> str:
        """An address without a trailing slash."""
        value = self.text(name, default=default).rstrip("/")
        if not value:
            return f"{schemes[0]}://localhost"
        try:
            parts = urlsplit(value)
            sound = parts.scheme in schemes and bool(parts.hostname)
            parts.port  # noqa: B018  raises ValueError where the port is no number
        except ValueError:
            sound = False
        if not sound:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            # The value may carry a password, so it is not repeated.
            self.problem(f"{name} must be an address that starts with {wanted} and names a host.")
            return f"{schemes[0]}://localhost"
        return value

    def guid(self, name: str) -> str:
        value = self.text(name)
        if not value:
            return ""
        try:
            return str(uuid.UUID(value))
        except ValueError:
            self.problem(
                f"{name} must be the application (client) id, a GUID such as 1b4e28ba-2fa1-11d2-883f-0016d3cca427."
            )
            return ""

    def file(self, name: str, *, default: object = _MISSING) -> str:
        value = self.text(name, default=default)
        if value and not _is_file(value):
            self.problem(f"{name} names a file that is not there: {value}.")
        return value

    def moment(self, name: str) -> datetime | None:
        """A day, which counts from its beginning in UTC, or a time with its zone. None where it is not set."""
        value = self.text(name, default="")
        if not value:
            return None
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.problem(f"{name} must be a date such as 2027-05-31, not “{value}”.")
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def database(self, name: str) -> dict[str, Any]:
        value = self.text(name)
        if not value:
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        if urlsplit(value).scheme not in {"postgres", "postgresql", "sqlite"}:
            self.problem(f"{name} must start with postgres:// or sqlite:///.")
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        try:
            return database_of(self.env.db_url_config(value), value)
        except (KeyError, ValueError, ImproperlyConfigured):
            # The value carries a password, so neither it nor the exception, which may quote it, is repeated.
            self.problem(f"{name} must be an address such as postgres://user:password@host:5432/name.")
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}

    def mail(self, name: str) -> dict[str, Any]:
        value = self.text(name)
        try:
            return dict(self.env.email_url_config(value)) if value else {}
        except (KeyError, ValueError, ImproperlyConfigured):
            self.problem(f"{name} must be a mail address such as smtp+tls://user:password@host:587.")
            return {}

    def token_keys(self, name: str) -> dict[str, bytes]:
        """The first encrypts: the order is kept."""
        text = self.text(name)
        pairs = [word.strip().partition(":") for word in text.split(",") if word.strip()]
        keys = {key_id: _key_in(encoded) for key_id, _, encoded in pairs}
        is_sound = bool(keys) and len(keys) == len(pairs) and all(keys.values()) and all(map(_KEY_ID.fullmatch, keys))
        if text and not is_sound:
            self.problem(
                f"{name} must be a list of id:key, each id once, each key the base64 of {KEY_BYTES} random bytes."
            )
        return keys if is_sound else {}


def is_name_server(word: str) -> bool:
    bare = word.count(":") > 1 and not word.startswith("[")
    try:
        parts = urlsplit(f"//[{word}]" if bare else f"//{word}")
        ipaddress.ip_address(parts.hostname or "")
        has_more = parts.path or parts.query or parts.fragment or parts.username is not None or parts.port == 0
    except ValueError:
        return False
    return not has_more


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except OSError:  # longer than any name of a file
        return False


def _is_port(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 5 and 0 < int(word) <= 65535


def _key_in(encoded: str) -> bytes:
    """Nothing, where it is no key."""
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        return b""
    return key if len(key) == KEY_BYTES else b""


def database_of(config: dict[str, Any], url: str) -> dict[str, Any]:
    """What either database needs on top of its address.

    SQLite: WAL and IMMEDIATE transactions, without which writers fail with "database is locked" under load
    (measured: 1,810 of 2,400, against 0). PostgreSQL: `?host=` for a socket directory.
    """
    if config["ENGINE"].endswith("sqlite3"):
        return {
            **config,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;",
            },
        }
    host = parse_qs(urlsplit(url).query).get("host")
    options = {key: value for key, value in config.get("OPTIONS", {}).items() if key != "host"}
    config = {**config, "OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    return {**config, "HOST": host[0]} if host else config
