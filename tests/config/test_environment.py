"""The environment: everything that is missing or senseless is said at once, in sentences, and without a secret."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environ
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.environment import Reader

ROOT = Path(__file__).resolve().parent.parent.parent
HIDDEN = "hunter2-in-a-secret"
KEY = base64.b64encode(bytes(32)).decode()

Read = Callable[[Reader], Any]


def reader(**variables: str) -> Reader:
    env = environ.Env()
    env.ENVIRON = variables
    return Reader(env)


# Variable, how it is read, a senseless value, and what the sentence says.
SENSELESS: list[tuple[str, Read, str, str]] = [
    ("SECRET_KEY", lambda r: r.secret("SECRET_KEY", at_least=32), "short", "too short: 5 characters"),
    ("FLAG", lambda r: r.flag("FLAG", default=False), "perhaps", "must be true or false"),
    ("LEVEL", lambda r: r.one_of("LEVEL", ("DEBUG", "INFO"), default="INFO"), "LOUD", "must be one of DEBUG, INFO"),
    ("MAILS", lambda r: r.emails("MAILS"), "operator", "which is no e-mail address"),
    ("MAILS", lambda r: r.emails("MAILS"), "a@kestrel.example, b@", "holds “b@”"),
    ("ORIGINS", lambda r: r.origins("ORIGINS", default=[]), "https://a.example; script-src *", "no origin"),
    ("ORIGINS", lambda r: r.origins("ORIGINS", default=[]), "https://a.example/path", "no origin"),
    ("DNS", lambda r: r.name_servers("DNS"), "192.0.2.53, dns.example", "holds “dns.example”"),
    ("DNS", lambda r: r.name_servers("DNS"), "192.0.2.53:0", "which is no address such as 192.0.2.53"),
    ("DNS", lambda r: r.name_servers("DNS"), "[2001:db8::53]:port", "which is no address"),
    ("DNS", lambda r: r.name_servers("DNS"), "udp://192.0.2.53", "which is no address"),
    ("NETS", lambda r: r.networks("NETS"), "10.0.0.0/8, inside", "holds “inside”"),
    ("NETS", lambda r: r.networks("NETS"), "10.1.2.3/8", "which is no block of addresses"),
    ("URL", lambda r: r.url("URL", schemes=("https",)), "http://a.example", "starts with https://"),
    ("URL", lambda r: r.url("URL", schemes=("https",)), "https://", "names a host"),
    ("URL", lambda r: r.url("URL", schemes=("https",)), "https://a.example:port", "names a host"),
    ("URL", lambda r: r.url("URL", schemes=("https",)), "nonsense", "starts with https://"),
    ("ID", lambda r: r.guid("ID"), "not-a-guid", "must be the application (client) id"),
    ("FILE", lambda r: r.file("FILE"), "/nowhere/to/be/found", "names a file that is not there"),
    ("DB", lambda r: r.database("DB"), "mysql://a@b/c", "must start with postgres:// or sqlite:///"),
    ("DB", lambda r: r.database("DB"), "postgres://a:b@c:port/d", "must be an address such as postgres://"),
    ("MAIL", lambda r: r.mail("MAIL"), "pigeon://a", "must be a mail address such as"),
    ("KEYS", lambda r: r.token_keys("KEYS"), "plain", "must be a list of id:key"),
    ("KEYS", lambda r: r.token_keys("KEYS"), "a:c2hvcnQ=", "must be a list of id:key"),
    ("KEYS", lambda r: r.token_keys("KEYS"), f"a:{KEY},a:{KEY}", "must be a list of id:key"),
    ("KEYS", lambda r: r.token_keys("KEYS"), f"a b:{KEY}", "must be a list of id:key"),
    ("KEYS", lambda r: r.token_keys("KEYS"), f"a:{KEY}é", "must be a list of id:key"),
    ("KEYS", lambda r: r.token_keys("KEYS"), " , ", "must be a list of id:key"),
]
REQUIRED: list[tuple[str, Read]] = [
    ("NAME", lambda r: r.text("NAME")),
    ("NAME", lambda r: r.secret("NAME", at_least=32)),
    ("NAME", lambda r: r.emails("NAME")),
    ("NAME", lambda r: r.url("NAME", schemes=("https",))),
    ("NAME", lambda r: r.guid("NAME")),
    ("NAME", lambda r: r.file("NAME")),
    ("NAME", lambda r: r.database("NAME")),
    ("NAME", lambda r: r.mail("NAME")),
    ("NAME", lambda r: r.token_keys("NAME")),
]


@pytest.mark.parametrize(("name", "read", "value", "says"), SENSELESS)
def test_a_senseless_value_gives_one_sentence(name: str, read: Read, value: str, says: str) -> None:
    env = reader(**{name: value})

    read(env)

    assert len(env.problems) == 1, env.problems
    assert env.problems[0].startswith(name)
    assert says in env.problems[0]
    assert env.problems[0].endswith(".")


@pytest.mark.parametrize("value", [None, "", "   "])
@pytest.mark.parametrize(("name", "read"), REQUIRED)
def test_what_is_missing_or_empty_gives_one_sentence(name: str, read: Read, value: str | None) -> None:
    env = reader() if value is None else reader(**{name: value})

    read(env)

    assert env.problems == ["NAME is not set."]


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        (lambda r: r.text("V"), "  word ", "word"),
        (lambda r: r.text("V", default="x"), "", "x"),
        (lambda r: r.flag("V", default=False), "YES", True),
        (lambda r: r.flag("V", default=True), "off", False),
        (lambda r: r.flag("V", default=True), "", True),
        (lambda r: r.words("V", default=["x"]), "a, b,,c ", ["a", "b", "c"]),
        (lambda r: r.words("V", default=["x"]), " , ", ["x"]),
        (lambda r: r.one_of("V", ("DEBUG", "INFO"), default="INFO"), "debug", "DEBUG"),
        (lambda r: r.origins("V", default=[]), "https://a.example,http://localhost:8081", None),
        (lambda r: r.emails("V"), "a@kestrel.example, b@kestrel.example", ["a@kestrel.example", "b@kestrel.example"]),
        (lambda r: r.url("V", schemes=("https",)), "https://a.example/v1.0/", "https://a.example/v1.0"),
        (lambda r: r.guid("V"), "5A1E0C7D3B644F0E9D520C8E7B6A5F40", "5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40"),
        (lambda r: list(r.token_keys("V")), f"new:{KEY}, old:{KEY}", ["new", "old"]),
    ],
)
def test_sound_values_are_read(read: Read, value: str, found: object) -> None:
    env = reader(V=value)

    got = read(env)

    assert env.problems == []
    assert got == found or found is None


@given(st.text().filter(lambda text: "\x00" not in text))
def test_no_value_makes_it_stumble(value: str) -> None:
    env = reader(**{name: value for name, _, _, _ in SENSELESS}, NAME=value)

    for _, read, _, _ in SENSELESS:
        read(env)
    for _, read in REQUIRED:
        read(env)

    assert all(isinstance(problem, str) for problem in env.problems)


@pytest.mark.parametrize(
    ("name", "read", "value"),
    [
        ("SECRET_KEY", lambda r: r.secret("SECRET_KEY", at_least=64), HIDDEN),
        ("DB", lambda r: r.database("DB"), f"postgres://a:{HIDDEN}@c:port/d"),
        ("DB", lambda r: r.database("DB"), f"mysql://a:{HIDDEN}@c/d"),
        ("URL", lambda r: r.url("URL", schemes=("redis",)), f"http://a:{HIDDEN}@c/d"),
        ("MAIL", lambda r: r.mail("MAIL"), f"pigeon://a:{HIDDEN}@c"),
        ("MAIL", lambda r: r.mail("MAIL"), f"smtp://a:{HIDDEN}@c:port"),
        ("KEYS", lambda r: r.token_keys("KEYS"), f"a:{HIDDEN}"),
    ],
)
def test_no_sentence_repeats_a_secret(name: str, read: Read, value: str) -> None:
    env = reader(**{name: value})

    read(env)

    assert len(env.problems) == 1
    assert HIDDEN not in env.problems[0]


def test_sqlite_gets_what_it_needs_under_load() -> None:
    config = reader(DB="sqlite:////tmp/x.sqlite3").database("DB")

    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]
    assert "foreign_keys=ON" in config["OPTIONS"]["init_command"]


def test_postgresql_may_be_a_socket_in_a_directory() -> None:
    config = reader(DB="postgres://postgres@/meridian?host=/run/pg").database("DB")

    assert (config["HOST"], config["NAME"]) == ("/run/pg", "meridian")
    assert "host" not in config["OPTIONS"]


# ── The doors ───────────────────────────────────────────────────────────────
GUNICORN = ["-m", "gunicorn", "config.wsgi", "--workers=2", "--bind=127.0.0.1:0"]
WRONG_SETTINGS = 3  # with which a worker of gunicorn's must end, or it is started again and again
DOORS = {
    "manage.py check": ["manage.py", "check"],
    "manage.py migrate": ["manage.py", "migrate", "--check"],
    "gunicorn": [*GUNICORN, "--preload"],
    "celery": ["-m", "celery", "-A", "config", "worker"],
    "beat": ["-m", "celery", "-A", "config", "beat"],
}
NEEDED = ["SECRET_KEY", "PUBLIC_URL", "OPERATOR_EMAILS", "DATABASE_URL", "REDIS_URL", "TOKEN_KEYS"]
NEEDED += ["MICROSOFT_CLIENT_ID", "EMAIL_URL"]
# Each is senseless, and each that may hold a secret holds one.
BAD = {
    "SECRET_KEY": HIDDEN,
    "PUBLIC_URL": "portal.kestrel.example",
    "OPERATOR_EMAILS": "operator",
    "DATABASE_URL": f"postgres://portal:{HIDDEN}@db:port/portal",
    "REDIS_URL": f"http://:{HIDDEN}@redis",
    "TOKEN_KEYS": f"a:{HIDDEN}",
    "EMAIL_URL": f"pigeon://portal:{HIDDEN}@mail",
    "BEHIND_PROXY": "perhaps",
    "LOG_JSON": "perhaps",
    "SESSION_IDLE_MINUTES": "0",
    "MICROSOFT_CLIENT_ID": "meridian",
    "MICROSOFT_CLIENT_SECRET": HIDDEN,
    "MICROSOFT_CLIENT_CERTIFICATE": "/nowhere.pem",
    "MICROSOFT_AUTHORITY_HOST": "http://login.example",
    "MICROSOFT_GRAPH_URL": "graph",
    "MICROSOFT_CA_BUNDLE": "/nowhere/ca.pem",
}


def knock(arguments: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("door", DOORS)
def test_without_an_environment_every_door_says_all_that_is_missing(door: str) -> None:
    ended = knock(DOORS[door])

    said = ended.stdout + ended.stderr
    assert ended.returncode == WRONG_SETTINGS
    assert "Traceback" not in said
    assert said.splitlines()[0] == "The portal cannot start:"
    for name in NEEDED:
        assert said.count(f"  - {name} is not set.") == 1
    assert "Set either MICROSOFT_CLIENT_SECRET or MICROSOFT_CLIENT_CERTIFICATE, and not both." in said


def test_without_preloading_gunicorn_gives_up_as_well() -> None:
    ended = knock(GUNICORN)

    assert ended.returncode != 0
    assert "  - SECRET_KEY is not set." in ended.stdout + ended.stderr


def test_everything_senseless_is_said_at_once_and_no_secret_with_it() -> None:
    ended = knock(DOORS["manage.py check"], **BAD)

    said = ended.stderr
    assert ended.returncode == WRONG_SETTINGS
    assert "Traceback" not in said
    assert HIDDEN not in said
    for name in BAD:
        assert said.count(f"  - {name}") == 1 or f"{name} or " in said or f"or {name}" in said, (name, said)


def test_with_a_sound_environment_it_starts() -> None:
    ended = knock(DOORS["manage.py check"], **{name: os.environ[name] for name in _of_this_run()})

    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr


@pytest.mark.parametrize("address", ["smtp+tls://portal:secret@mail.example:587", "consolemail://", "memorymail://"])
def test_the_page_that_shows_every_letter_is_refused_where_letters_are_sent(address: str) -> None:
    sound = {name: os.environ[name] for name in _of_this_run()}

    refused = knock(DOORS["manage.py check"], **{**sound, "MAILBOX_PAGE": "true", "EMAIL_URL": address})
    filed = knock(DOORS["manage.py check"], **{**sound, "MAILBOX_PAGE": "true", "EMAIL_URL": "filemail:////tmp/mail"})

    assert refused.returncode == WRONG_SETTINGS
    assert "  - MAILBOX_PAGE shows everybody’s letters to everybody" in refused.stderr
    assert filed.returncode == 0, filed.stderr


def _of_this_run() -> list[str]:
    from tests import surroundings

    return [*surroundings.environment(), "DATABASE_URL", "REDIS_URL", "STATIC_ROOT"]


def test_name_servers_and_networks_are_kept_as_they_are_written() -> None:
    read = reader(DNS="192.0.2.53, [2001:db8::53]:5353,2001:db8::54", NETS="10.0.0.0/8,::1/128")

    assert read.name_servers("DNS") == ["192.0.2.53", "[2001:db8::53]:5353", "2001:db8::54"]
    assert read.networks("NETS") == ["10.0.0.0/8", "::1/128"]
    assert (read.name_servers("NONE"), read.networks("NONE"), read.problems) == ([], [], [])
