"""`manage.py check` finds the stored decisions that no declaration explains."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.models import JSONField, Value

from accounts.cascade.declare import Setting, setting_of
from accounts.checks import stored_decisions
from accounts.models import Account, Group, SettingDecision, User
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import FOUNDED, crowd

ENABLED: Setting = setting_of(Integrations, "enabled")
SERVICES: Setting = setting_of(Integrations, "services")
JSON_NULL = Value(None, JSONField())
GRACE: Setting = setting_of(Integrations, "grace")


def stored(key: str, value: Any, **at: Account | Group | User) -> SettingDecision:
    row: SettingDecision = SettingDecision.objects.create(**at, key=key, value=value, decided_at=FOUNDED)
    return row


def checked() -> str:
    """What an operator reads who types `manage.py check`."""
    told = StringIO()
    call_command("check", stdout=told, stderr=told, no_color=True)
    return told.getvalue()


@pytest.mark.django_db
def test_decisions_that_their_declarations_explain_are_no_news(kestrel: Account, sales: Group, alice: User) -> None:
    for at in ({"account": kestrel}, {"group": sales}, {"user": alice}):
        stored(ENABLED.key, False, **at)
    stored(SERVICES.key, SERVICES.to_json(ServicePolicy()), group=sales)
    stored(GRACE.key, 0, account=kestrel)
    prompt = setting_of(Integrations, "sso_prompt")
    stored(prompt.key, prompt.to_json(prompt.default), account=kestrel)

    assert "System check identified no issues" in checked()


@pytest.mark.django_db
def test_a_key_that_nobody_declares_is_named_with_how_many_and_where(kestrel: Account, sales: Group) -> None:
    stored("integrations.former", {"secret": "value"}, group=sales)
    stored("integrations.former", 1, account=kestrel)
    stored("other.thing", 1, account=kestrel)

    told = checked()

    assert (
        "(accounts.W001) There are 2 decisions on “integrations.former”, which no setting declares, such as the one "
        f"of group {sales.pk} in account {kestrel.pk}." in told
    )
    other = "There is 1 decision on “other.thing”, which no setting declares, such as the one of account"
    assert f"{other} {kestrel.pk}." in told
    assert "Declare the setting again, or delete them in a data migration." in told
    assert "secret" not in told


@pytest.mark.django_db
@pytest.mark.parametrize("value", [1, 0, "true", JSON_NULL, [], {"on": True}, 1.0])
def test_a_value_that_does_not_fit_is_found(value: Any, kestrel: Account, alice: User) -> None:
    stored(ENABLED.key, True, account=kestrel)
    stored(ENABLED.key, value, user=alice)

    told = checked()

    assert (
        "(accounts.W002) There is 1 decision on “integrations.enabled” with a value that does not fit its declaration, "
        f"such as the one of person {alice.pk} in account {kestrel.pk}: integrations.enabled: bool is wanted" in told
    )
    assert "Change it in a data migration" in told


@pytest.mark.django_db
@pytest.mark.parametrize("value", [-1, 31, True, "7", 10**30])
def test_a_number_out_of_its_bounds_is_found(value: Any, kestrel: Account) -> None:
    stored(GRACE.key, value, account=kestrel)

    assert "(accounts.W002)" in checked()


@pytest.mark.django_db
def test_different_misfits_of_one_setting_are_one_warning_and_long_ones_are_cut(kestrel: Account) -> None:
    people = crowd(kestrel, 3)
    for person, value in zip(people, ["x" * 5000, "y", "y"], strict=True):
        stored(ENABLED.key, value, user=person)

    found = stored_decisions()

    assert [problem.id for problem in found] == ["accounts.W002"]
    assert found[0].msg.startswith("There are 3 decisions on “integrations.enabled”")
    assert f"person {people[0].pk}" in found[0].msg
    assert len(found[0].msg) < 400
    assert found[0].msg.endswith("….")


@pytest.mark.django_db
def test_an_older_form_of_a_composite_is_found(kestrel: Account) -> None:
    older = {key: value for key, value in SERVICES.to_json(ServicePolicy()).items() if key != "contacts_write"}
    stored(SERVICES.key, older, account=kestrel)

    assert "exactly the fields" in checked()


@pytest.mark.django_db
def test_a_level_that_the_declaration_does_not_allow_is_found(kestrel: Account, sales: Group, alice: User) -> None:
    stored(SERVICES.key, SERVICES.to_json(ServicePolicy()), group=sales)
    stored(SERVICES.key, SERVICES.to_json(ServicePolicy()), user=alice)
    stored(GRACE.key, 3, group=sales)

    found = stored_decisions()

    assert [(problem.id, problem.msg) for problem in found] == [
        (
            "accounts.W003",
            "There is 1 decision on “integrations.grace” at the level “group”, which its declaration does not allow, "
            f"such as the one of group {sales.pk} in account {kestrel.pk}.",
        ),
        (
            "accounts.W003",
            "There is 1 decision on “integrations.services” at the level “user”, which its declaration does not allow, "
            f"such as the one of person {alice.pk} in account {kestrel.pk}.",
        ),
    ]


@pytest.mark.django_db
def test_a_warning_fails_the_check_of_a_deployment_that_wants_none(kestrel: Account) -> None:
    stored("integrations.former", 1, account=kestrel)

    with pytest.raises(SystemCheckError):
        call_command("check", fail_level="WARNING", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
@pytest.mark.parametrize("size", [2, 60])
def test_it_asks_as_much_of_many_rows_as_of_few(
    size: int, kestrel: Account, django_assert_num_queries: Callable[..., Any]
) -> None:
    for person in crowd(kestrel, size):
        stored(ENABLED.key, True, user=person)

    # The tables there are, the keys, the values.
    with django_assert_num_queries(3):
        assert stored_decisions() == []


@pytest.mark.django_db
def test_another_app_is_checked_without_it(kestrel: Account, django_assert_num_queries: Callable[..., Any]) -> None:
    stored("integrations.former", 1, account=kestrel)

    with django_assert_num_queries(0):
        assert not [
            problem
            for problem in run_checks(app_configs=[apps.get_app_config("calendaring")])
            if str(problem.id).startswith("accounts.W00")
        ]


@pytest.mark.django_db(transaction=True)
def test_it_leaves_no_connection_behind_for_a_process_that_forks() -> None:
    connection.close()

    stored_decisions()

    assert connection.connection is None


@pytest.mark.parametrize(
    "database",
    ["sqlite:////nowhere/at/all.sqlite3", "sqlite:///{tmp}/empty.sqlite3", "postgres://nobody:no@127.0.0.1:1/none"],
    ids=["no directory", "no tables", "no server"],
)
def test_without_a_database_or_its_tables_the_check_is_silent(database: str, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database.format(tmp=tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (told.returncode, told.stderr) == (0, "")
    assert "no issues" in told.stdout
