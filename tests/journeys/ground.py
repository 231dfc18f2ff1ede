# ruff: noqa: S608  our own words for our own throwaway database
"""What a journey may do behind the browser's back: look into the portal's database, and let time pass there."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.processes import Product

PATIENCE = 120.0  # seconds; only a failure waits that long, and the machine may be busy with other suites
TRIES = 10
PLACES = ("group", "membership")  # where people are, each after what it refers to
OF_A_PERSON = (
    "integrations_calendarprompt",
    "accounts_signinentry",
    "accounts_singlesignonidentity",
    "integrations_awaitedapproval",
    "integrations_consentrequest",
    "integrations_connection",
    "accounts_settingdecision",
    "accounts_membership",
    "account_emailaddress",
)


def remember(product: Product) -> None:
    """Who is in which group, and in which order they stand, so that each journey finds it like that."""
    change(product, *(f"CREATE TABLE first_{table} AS SELECT * FROM accounts_{table}" for table in PLACES))


def begin_again(product: Product, *, enabled: bool = True) -> None:
    """Nobody is connected, nothing is on the way, no group and no person has decided anything, everybody is where
    the seed put him, Microsoft is as on its first day."""
    product.simulator.control("POST", "reset")
    value = "true" if enabled else "false"
    statements = (
        "DELETE FROM integrations_trial",
        "DELETE FROM integrations_calendarprompt",
        "DELETE FROM accounts_signinentry",
        "DELETE FROM accounts_spentassertion",
        "DELETE FROM accounts_singlesignonidentity",
        "UPDATE accounts_identityprovider SET is_on = '0', is_only = '0'",
        "UPDATE accounts_user SET keeps_password = '0'",
        "DELETE FROM integrations_awaitedapproval",
        "DELETE FROM integrations_tenantconsent",
        "DELETE FROM integrations_incident",
        "DELETE FROM accounts_letter",
        "DELETE FROM integrations_consentrequest",
        "DELETE FROM integrations_graphprospect",
        "DELETE FROM integrations_ewspast",
        "DELETE FROM integrations_connection",
        "DELETE FROM integrations_exchangeserver",
        "DELETE FROM integrations_linkrequest",
        "DELETE FROM integrations_tenantlink",
        "DELETE FROM accounts_associateddomain",
        "DELETE FROM accounts_pendingchange",
        "DELETE FROM accounts_jobrow",
        "DELETE FROM accounts_job",
        "DELETE FROM accounts_settingdecision WHERE account_id IS NULL OR key <> 'integrations.enabled'",
        f"UPDATE accounts_settingdecision SET value = '{value}', is_locked = '0' WHERE key = 'integrations.enabled'",
        *(f"DELETE FROM accounts_{table}" for table in reversed(PLACES)),
        *(f"INSERT INTO accounts_{table} SELECT * FROM first_{table}" for table in PLACES),
    )
    for left in reversed(range(TRIES)):
        try:
            change(product, *statements)
        except (psycopg.IntegrityError, sqlite3.IntegrityError):
            # A worker of the journey before wrote what belongs to something that is gone.
            if not left:
                raise
            time.sleep(0.2)
        else:
            return


@contextmanager
def crowd(product: Product, count: int) -> Iterator[list[str]]:
    """More people like Bob, with his password; their addresses. Afterwards they are gone, if any is left."""
    change(
        product,
        f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})"
        " INSERT INTO accounts_user (password, account_id, email, name, role, time_zone, is_active, joined_at,"
        " session_epoch, keeps_password) SELECT password, account_id, 'crowd-' || n || '@kestrel.example',"
        " 'Crowd ' || n, role, time_zone, is_active, joined_at, 0, keeps_password"
        " FROM number, accounts_user WHERE email = 'bob@kestrel.example'",
        'INSERT INTO account_emailaddress (user_id, email, verified, "primary")'
        " SELECT id, email, is_active, is_active FROM accounts_user WHERE email LIKE 'crowd-%'",
    )
    try:
        yield [f"crowd-{n}@kestrel.example" for n in range(1, count + 1)]
    finally:
        theirs = "IN (SELECT id FROM accounts_user WHERE email LIKE 'crowd-%')"
        change(
            product,
            f"DELETE FROM integrations_trial WHERE person_id {theirs}",
            f"DELETE FROM accounts_letter WHERE person_id {theirs}",
            *(f"DELETE FROM {table} WHERE user_id {theirs}" for table in OF_A_PERSON),
            "DELETE FROM accounts_user WHERE email LIKE 'crowd-%'",
        )


def another_group(product: Product, name: str) -> None:
    """Of Kestrel & Co, after all others, with nobody in it."""
    change(
        product,
        "INSERT INTO accounts_group (account_id, name, rank, created_at)"
        f" SELECT account_id, '{name}', MAX(rank) + 1024, MAX(created_at) FROM accounts_group GROUP BY account_id",
    )


def decide(product: Product, key: str, value: str, *, by: str, at: str = "", locked: bool = False) -> None:
    """As if it had been decided just now. `value`: as JSON; `at`: the name of a group, an address, or neither."""
    places = {
        "account_id": "SELECT account_id FROM accounts_user WHERE email = 'dana@kestrel.example'",
        "group_id": f"SELECT id FROM accounts_group WHERE name = '{at}'",
        "user_id": f"SELECT id FROM accounts_user WHERE email = '{at}'",
    }
    column = "user_id" if "@" in at else "group_id" if at else "account_id"
    change(
        product,
        f"DELETE FROM accounts_settingdecision WHERE key = '{key}' AND {column} IN ({places[column]})",
        f"INSERT INTO accounts_settingdecision (key, value, is_locked, {column}, decided_by_id, decided_at)"
        f" SELECT '{key}', '{value}', '{int(locked)}', ({places[column]}), id, CURRENT_TIMESTAMP"
        f" FROM accounts_user WHERE email = '{by}'",
    )


def job_is_now(product: Product, *, state: str, moved_at: str = "created_at") -> None:
    """The newest of its kind is in this state, and no worker takes it, to look at it."""
    ended = "NULL" if state == "running" else "created_at"
    change(
        product,
        f"UPDATE accounts_job SET state = '{state}', moved_at = {moved_at}, ended_at = {ended},"
        " claimed_until = '2999-01-01 00:00:00+00:00'",
    )


def members_of(product: Product, group: str) -> list[str]:
    """Their addresses, each as often as the person is in it."""
    found = ask(
        product,
        "SELECT u.email FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id"
        f" JOIN accounts_group g ON g.id = m.group_id WHERE g.name = '{group}' ORDER BY u.email",
    )
    return [address for (address,) in found]


def lines_done(product: Product) -> tuple[int, int]:
    """Of the newest job: how many lines have come to an end, and of how many."""
    ((handled, total),) = ask(
        product, "SELECT done + unchanged + failed, total FROM accounts_job ORDER BY created_at DESC LIMIT 1"
    )
    return handled, total


def connection_of(product: Product, address: str) -> dict[str, Any]:
    """The person's row: id, state and reason, and how it goes; empty where there is none."""
    found = ask(
        product,
        "SELECT c.id, c.state, c.reason, c.token_version, c.api, c.move FROM integrations_connection c"
        f" JOIN accounts_user u ON u.id = c.user_id WHERE u.email = '{address}'",
    )
    names = ("id", "state", "reason", "token_version", "api", "move")
    return dict(zip(names, found[0], strict=True)) if found else {}


def is_now(product: Product, *, state: str, reason: str) -> None:
    """Every connection is in this state, to look at it."""
    change(product, f"UPDATE integrations_connection SET state = '{state}', reason = '{reason}'")


def link_in_the_letter_to(product: Product, address: str) -> str:
    until(lambda: any(address in letter for letter in product.letters))
    letter = next(letter for letter in reversed(product.letters) if address in letter)
    found = re.search(rf"{re.escape(product.url)}/invitation/\S+", letter)
    assert found, letter
    return found[0]


def sealed_tokens_of(product: Product, address: str) -> tuple[str, str]:
    refresh, access = ask(
        product,
        "SELECT c.refresh_token, c.access_token FROM integrations_connection c"
        f" JOIN accounts_user u ON u.id = c.user_id WHERE u.email = '{address}'",
    )[0]
    return refresh, access


def consent_is_claimed(product: Product) -> bool:
    """A worker is at it."""
    return bool(
        ask(
            product,
            "SELECT 1 FROM integrations_consentrequest WHERE claimed_until IS NOT NULL AND ended_at IS NULL",
        )
    )


def mailbox_is_being_opened(product: Product) -> bool:
    """The account is the right one, and Graph is being asked."""
    return bool(ask(product, "SELECT 1 FROM integrations_consentrequest WHERE step = 'stored' AND ended_at IS NULL"))


def tokens_are_no_longer_new(product: Product) -> None:
    """As if the last refresh had been a while ago: a new token that is refused is another story."""
    change(product, "UPDATE integrations_connection SET refreshed_at = NULL")


def waits_are_over(product: Product) -> None:
    """As if the time had come at which the portal asks again after trouble."""
    change(product, "UPDATE integrations_connection SET refresh_due_at = connected_at")


def claims_run_out(product: Product) -> None:
    """As if the time for which a dead worker claimed a consent or a job were over."""
    change(
        product,
        "UPDATE integrations_consentrequest SET claimed_until = answered_at WHERE ended_at IS NULL",
        "UPDATE accounts_job SET claimed_until = created_at WHERE ended_at IS NULL",
    )


def empty_the_mailbox(product: Product, address: str) -> None:
    """In Outlook they delete whatever the coming fortnight has."""
    microsoft = product.simulator
    for entry in microsoft.control("GET", f"people/{address}/events")["events"]:
        microsoft.control("DELETE", f"people/{address}/events/{entry['id']}")


@contextmanager
def worker_killed(product: Product) -> Iterator[None]:
    """kill -9 now; a new one afterwards, whatever happened."""
    product.kill("worker")
    try:
        yield
    finally:
        product.start("worker")


@contextmanager
def table_away(product: Product, table: str) -> Iterator[None]:
    """Whatever needs this table breaks meanwhile."""
    change(product, f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        change(product, f"ALTER TABLE away RENAME TO {table}")


def tokens_are_gone(product: Product) -> None:
    """As after a refusal at Microsoft: a worker must fetch new ones."""
    change(product, "UPDATE integrations_connection SET access_token = '', access_expires_at = NULL")


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def change(product: Product, *statements: str) -> None:
    """All of them in one transaction."""
    url = product.installation.database_url
    if url.startswith("postgres"):
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(urlsplit(url).path, timeout=20)) as database, database:
        for statement in statements:
            database.execute(statement)


def ask(product: Product, question: str) -> list[tuple[Any, ...]]:
    url = product.installation.database_url
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()
    with closing(sqlite3.connect(urlsplit(url).path, timeout=20)) as database:
        return database.execute(question).fetchall()
