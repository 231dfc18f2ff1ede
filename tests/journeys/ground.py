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

PATIENCE = 30.0  # seconds
SIMULATED = "simulator/simulator.sqlite3"


def begin_again(product: Product, *, enabled: bool = True) -> None:
    """Nobody is connected, nothing is on the way, Microsoft is as on its first day."""
    product.simulator.control("POST", "reset")
    change(product, "DELETE FROM integrations_consentrequest")
    change(product, "DELETE FROM integrations_connection")
    value = "true" if enabled else "false"
    change(product, f"UPDATE accounts_settingdecision SET value = '{value}' WHERE key = 'integrations.enabled'")


def connection_of(product: Product, address: str) -> dict[str, Any]:
    """The person's row: id, state and reason; empty where there is none."""
    found = ask(
        product,
        "SELECT c.id, c.state, c.reason, c.token_version FROM integrations_connection c"
        f" JOIN accounts_user u ON u.id = c.user_id WHERE u.email = '{address}'",
    )
    return dict(zip(("id", "state", "reason", "token_version"), found[0], strict=True)) if found else {}


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


def tokens_are_no_longer_new(product: Product) -> None:
    """As if the last refresh had been a while ago: a new token that is refused is another story."""
    change(product, "UPDATE integrations_connection SET refreshed_at = NULL")


def waits_are_over(product: Product) -> None:
    """As if the time had come at which the portal asks again after trouble."""
    change(product, "UPDATE integrations_connection SET refresh_due_at = connected_at")


def claims_run_out(product: Product) -> None:
    """As if the minute for which a worker claims a consent were over."""
    change(product, "UPDATE integrations_consentrequest SET claimed_until = answered_at WHERE ended_at IS NULL")


def empty_the_mailboxes(product: Product) -> None:
    """At Microsoft nobody has any event, until the next reset."""
    with closing(sqlite3.connect(product.data / SIMULATED, timeout=10)) as connection, connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'simulator_event%'"
        ).fetchall()
        connection.execute("PRAGMA foreign_keys = OFF")
        for (table,) in tables:
            connection.execute(f"DELETE FROM {table}")


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


def change(product: Product, statement: str) -> None:
    url = product.installation.database_url
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(urlsplit(url).path, timeout=20)) as database, database:
        database.execute(statement)


def ask(product: Product, question: str) -> list[tuple[Any, ...]]:
    url = product.installation.database_url
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(question.encode()).fetchall()
    with closing(sqlite3.connect(urlsplit(url).path, timeout=20)) as database:
        return database.execute(question).fetchall()
