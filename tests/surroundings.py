"""What a run of the tests stands on: which database, which Redis, which browser, and the environment for Django.

Addresses are given or of throwaway servers; `TEST_DATABASE=sqlite|postgres` and `TEST_BROKER=embedded|redis`
choose among the latter. What is left out, for want of a program or a package, is listed, and refused where CI=true.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
from base64 import b64encode
from pathlib import Path

from config.demo import valkey
from tests.servers import Given, Postgres, Redis, Server, Sqlite, postgres_binaries, short_directory

IS_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# A laptop's own values would lead the tests to its databases, proxies or certificates.
STRAYS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "MICROSOFT_CLIENT_CERTIFICATE")

left_out: list[str] = []


class CannotRun(Exception):
    """What was asked for is not on this machine."""


def chosen_database() -> Server:
    if given := os.environ.get("TEST_DATABASE_URL"):
        return Given("SQLite" if given.startswith("sqlite") else "PostgreSQL", given)
    wanted = os.environ.get("TEST_DATABASE", "")
    binaries = postgres_binaries() if wanted != "sqlite" else None
    if binaries:
        return Postgres(binaries)
    if wanted == "postgres":
        raise CannotRun("DATABASE=postgres, but there is no initdb. Install PostgreSQL, or set TEST_DATABASE_URL.")
    if not wanted:
        left_out.append("PostgreSQL (the database is SQLite)")
    return Sqlite()


def chosen_redis() -> Server:
    if given := os.environ.get("TEST_REDIS_URL"):
        return Given("Redis", given)
    wanted = os.environ.get("TEST_BROKER", "")
    found = shutil.which("redis-server") if wanted != "embedded" else None
    if found:
        return Redis(Path(found), "redis-server")
    if wanted == "redis":
        raise CannotRun("BROKER=redis, but there is no redis-server. Install it, or set TEST_REDIS_URL.")
    if not wanted:
        left_out.append("redis-server (the embedded Valkey stands in)")
    return Redis(valkey.embedded_binary(), "embedded Valkey")


def chosen_browser() -> str:
    """The path of Chromium, or nothing."""
    given = os.environ.get("CHROMIUM_PATH", "")
    for candidate in (given,) if given else BROWSERS:
        if found := shutil.which(candidate):
            return found
    return ""


def has_official_clients() -> bool:
    """Microsoft's own clients are 390 MB: `make conformance` and CI install them, `make test` does not."""
    return all(importlib.util.find_spec(name) for name in ("msgraph", "azure", "O365"))


def settle() -> tuple[Server, Server, Path]:
    """Choose, and put the environment in place; before Django reads its settings."""
    database, redis, directory = chosen_database(), chosen_redis(), short_directory()
    for name in [*STRAYS, *(name for name in os.environ if name.lower().endswith("_proxy"))]:
        os.environ.pop(name, None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        # Playwright's loop runs in the tests' own thread.
        DJANGO_ALLOW_ASYNC_UNSAFE="true",
        DATABASE_URL=database.url,
        REDIS_URL=redis.url,
        STATIC_ROOT=str(directory / "static"),
        **environment(),
    )
    return database, redis, directory


def environment() -> dict[str, str]:
    """Values that let the settings load and lead nowhere; nothing answers on port 9 of this machine."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PUBLIC_URL": "http://localhost",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "OPERATOR_EMAILS": "operator@meridian.example",
        "TOKEN_KEYS": f"new:{_token_key()},old:{_token_key()}",
        "EMAIL_URL": "memorymail://",
        "DEFAULT_FROM_EMAIL": "Meridian <no-reply@meridian.example>",
        "BEHIND_PROXY": "false",
        "LOG_LEVEL": "INFO",
        "LOG_JSON": "true",
        "MICROSOFT_CLIENT_ID": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "MICROSOFT_CLIENT_SECRET": secrets.token_urlsafe(24),
        "MICROSOFT_AUTHORITY_HOST": "https://localhost:9",
        "MICROSOFT_GRAPH_URL": "https://localhost:9/v1.0",
        "MICROSOFT_SIGN_IN_ORIGINS": "http://localhost:9",
        "MICROSOFT_TENANT": "organizations",
        "MICROSOFT_CA_BUNDLE": "",
        "DNS_SERVERS": "127.0.0.1:9",
        "PRIVATE_NETWORKS_ALLOWED": "127.0.0.0/8,::1/128",
    }


def _token_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()
