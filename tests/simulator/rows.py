"""Straight into a simulator's database: for what no console changes, and what a test must not wait for."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.simulated import Simulator

GRAPH = "00000003-0000-0000-c000-000000000000"


@dataclass
class Rows:
    simulator: Simulator
    is_changed: bool = False

    def update(self, table: str, where: str = "1 = 1", **values: Any) -> None:
        """`where` is SQL, of the test's own making."""
        self.is_changed = True
        sets = ", ".join(f"{name} = ?" for name in values)
        with self._database() as database:
            changed = database.execute(
                f"UPDATE simulator_{table} SET {sets} WHERE {where}",  # noqa: S608
                [_value(value) for value in values.values()],
            ).rowcount
        assert changed, f"No row of {table} where {where}"

    def insert(self, table: str, **values: Any) -> int:
        self.is_changed = True
        names, places = ", ".join(values), ", ".join("?" * len(values))
        with self._database() as database:
            made = database.execute(
                f"INSERT INTO simulator_{table} ({names}) VALUES ({places})",  # noqa: S608
                [_value(value) for value in values.values()],
            )
            assert made.lastrowid is not None
            return made.lastrowid

    def delete(self, table: str, where: str = "1 = 1") -> None:
        self.is_changed = True
        with self._database() as database:
            database.execute(f"DELETE FROM simulator_{table} WHERE {where}")  # noqa: S608

    def value(self, table: str, column: str, where: str = "1 = 1") -> Any:
        with self._database() as database:
            found = database.execute(f"SELECT {column} FROM simulator_{table} WHERE {where}").fetchone()  # noqa: S608
        assert found is not None, f"No row of {table} where {where}"
        return found[0]

    def application_id(self) -> int:
        return int(self.value("application", "id", f"client_id = '{UUID(self.simulator.client_id).hex}'"))

    def principal_id(self, domain: str = "kestrel.example") -> int:
        tenant = self.value("domain", "tenant_id", f"name = '{domain}'")
        where = f"tenant_id = {tenant} AND application_id = {self.application_id()}"
        return int(self.value("serviceprincipal", "id", where))

    def grant_role(self, name: str, domain: str = "kestrel.example", resource: str = GRAPH) -> None:
        """As an administrator does for an application permission."""
        self.insert(
            "approle",
            service_principal_id=self.principal_id(domain),
            resource=UUID(resource).hex,
            graph_id=uuid4().hex,
            name=name,
            granted_at=datetime.now(UTC),
        )

    def add_application(self, **values: Any) -> str:
        """One more registration of Kestrel's; its client id."""
        client_id = uuid4()
        publisher = self.value("domain", "tenant_id", "name = 'kestrel.example'")
        defaults: dict[str, Any] = {
            "name": "Another app",
            "publisher_id": publisher,
            "is_publisher_verified": False,
            "is_multi_tenant": True,
            "redirect_uris": [self.simulator.redirect_uri],
            "spa_redirect_uris": [],
            "is_public": False,
            "issues_id_tokens": False,
            "permissions": [],
            "identifier_uris": [],
            "app_roles": [],
            "tells_groups": False,
            "name_id": "email",
            "signs": "assertion",
            "roles": [],
        }
        self.insert("application", client_id=client_id, **{**defaults, **values})
        return str(client_id)

    def add_secret(self, client_id: str, secret: str, *, key_id: UUID | None = None) -> None:
        application = self.value("application", "id", f"client_id = '{UUID(client_id).hex}'")
        self.insert(
            "appsecret",
            application_id=application,
            key_id=key_id or uuid4(),
            digest=hashlib.sha256(secret.encode()).hexdigest(),
            expires_at=datetime.now(UTC) + timedelta(days=1),
            from_environment=False,
        )

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.simulator.data / "simulator.sqlite3", timeout=20)) as database, database:
            database.execute("PRAGMA foreign_keys = OFF")
            yield database


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, UUID):
        return value.hex
    return json.dumps(value) if isinstance(value, list | dict) else value
