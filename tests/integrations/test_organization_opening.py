"""The calendar of somebody whom the organization connects, for pages, which never wait for Microsoft."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Letter
from calendaring import agenda
from integrations import checking, fitting, opening, refreshing, states, tasks, tokens
from integrations.failures import Reason
from integrations.models import Connection, LinkState, State, TenantLink, Trouble
from integrations.organization import link_checks
from tests.cast import Cast
from tests.integrations.linked import again, at, carried, linked, standing
from tests.integrations.tied import set_to
from tests.integrations.wired import asked
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture
def connection(cast: Cast, microsoft: Simulator) -> Connection:
    [made] = carried(linked(cast.kestrel, microsoft), [cast.alice], microsoft)
    return made


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What was started soon; nothing is carried out."""
    started: list[tuple[str, dict[str, Any]]] = []

    def note(task: Any, kwargs: dict[str, Any], **_: object) -> None:
        started.append((task.name, kwargs))

    for task in (tasks.check_link, tasks.check_one, tasks.refresh_one):
        monkeypatch.setattr(task, "apply_async", lambda task=task, **more: note(task, **more))
    yield started


def _read(cast: Cast, **later: Any) -> agenda.Agenda:
    return agenda.read(cast.alice, zone=ZoneInfo("UTC"), now=NOW() + timedelta(**later))


def test_a_page_asks_a_worker_once_for_the_token_and_then_shows_the_appointments(
    connection: Connection, cast: Cast, microsoft: Simulator, nudged: list[tuple[str, dict[str, Any]]]
) -> None:
    TenantLink.objects.update(check_due_at=NOW() + timedelta(minutes=5))

    states_seen = [_read(cast).state for _ in range(3)]

    assert states_seen == ["pending"] * 3
    assert nudged == [("integrations.check_link", {"link_id": connection.link_id})]
    assert link_checks.to_check(now=NOW()) == [connection.link_id], "a lost nudge costs seconds"

    link_checks.check_link(nudged[0][1]["link_id"], now=NOW())
    shown = _read(cast)

    assert shown.state == "ready"
    assert any(entry.subject for day in shown.days for entry in day.entries)
    assert asked(microsoft, "client_credentials") == 1


def test_the_same_appointments_as_the_person_sees_by_their_own_sign_in(connection: Connection, cast: Cast) -> None:
    link_checks.check_links(now=NOW())

    calendar = opening.open_calendar(_fresh(connection), now=NOW())

    start = NOW()
    events = list(calendar.events_between(start, start + timedelta(days=14)))
    assert events
    assert calendar.default_calendar().name


def test_a_mailbox_that_refuses_a_page_is_judged_by_a_worker(
    connection: Connection, cast: Cast, microsoft: Simulator, nudged: list[tuple[str, dict[str, Any]]]
) -> None:
    carried(again(_link(connection)), [cast.bob], microsoft)
    link_checks.check_links(now=NOW())
    at(microsoft, "access-policy", kind="deny", people=["alice@kestrel.example"])

    _read(cast)

    assert standing(connection) == (State.DEGRADED, Reason.PERMISSION_MISSING)
    assert nudged == [("integrations.check_one", {"connection_id": connection.pk})]
    checking.check(connection.pk, now=NOW())
    assert standing(connection) == (State.NOT_ELIGIBLE, Reason.SCOPED_OUT)
    assert _read(cast).state == "unusable"
    assert not Letter.objects.exists()


def test_while_all_of_the_organization_is_paused_no_page_asks(
    connection: Connection, cast: Cast, microsoft: Simulator
) -> None:
    link_checks.check_links(now=NOW())
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite", "User.Read.All"])
    link_checks.check_link(_link(connection).pk, now=NOW(), anew=True)
    requests = microsoft.control("GET", "state")["requests"]

    shown = _read(cast)

    assert standing(connection) == (State.PAUSED, Reason.CONSENT_REVOKED)
    assert shown.state == "slow"
    assert microsoft.control("GET", "state")["requests"] == requests


def test_a_token_that_was_refused_before_its_time_is_asked_for_anew(
    connection: Connection, cast: Cast, microsoft: Simulator, nudged: list[tuple[str, dict[str, Any]]]
) -> None:
    link_checks.check_links(now=NOW())
    TenantLink.objects.update(roles_at=NOW() - timedelta(minutes=5))
    microsoft.control("POST", "faults", {"target": "graph", "count": 1, "steps": [{"status": 401}]})

    assert _read(cast).state == "pending"
    assert again(_link(connection)).access_token == ""
    assert nudged == [("integrations.check_link", {"link_id": connection.link_id})]
    link_checks.check_links(now=NOW())

    assert _read(cast).state == "ready"


def test_nothing_renews_the_access_that_such_a_connection_does_not_have(connection: Connection) -> None:
    Connection.objects.update(refresh_due_at=NOW() - timedelta(hours=1))

    assert list(refreshing.due(now=NOW())) == []
    with pytest.raises(tokens.NotAlive):
        tokens.access_token(_fresh(connection), now=NOW())
    tokens.refresh(_fresh(connection), now=NOW())

    assert standing(connection) == (State.CONNECTED, "")


def test_what_the_settings_allow_again_is_as_well_as_its_organization(
    connection: Connection, cast: Cast, microsoft: Simulator
) -> None:
    set_to("enabled", False, at=cast.kestrel, by=cast.dana, now=NOW())
    fitting.apply_policy(cast.kestrel, now=NOW())
    assert standing(connection)[0] == State.BLOCKED_BY_POLICY
    at(microsoft, "remove")
    link_checks.check_links(now=NOW())
    assert again(_link(connection)).state == LinkState.PAUSED
    assert standing(connection)[0] == State.BLOCKED_BY_POLICY, "the settings’ own word stays"

    set_to("enabled", True, at=cast.kestrel, by=cast.dana, now=NOW())
    fitting.apply_policy(cast.kestrel, now=NOW())

    assert standing(connection) == (State.PAUSED, Reason.APP_REMOVED)
    assert Connection.objects.get(pk=connection.pk).refresh_due_at is None


def test_a_mailbox_in_trouble_goes_on_in_it_once_its_organization_is_back(
    connection: Connection, cast: Cast, microsoft: Simulator
) -> None:
    link_checks.check_links(now=NOW())
    microsoft.control("POST", "people/alice@kestrel.example/take-mailbox")
    checking.check(connection.pk, now=NOW())
    since = Connection.objects.get(pk=connection.pk).refused_since
    at(microsoft, "disable")
    link_checks.check_link(_link(connection).pk, now=NOW(), anew=True)
    assert standing(connection) == (State.PAUSED, Reason.APP_REMOVED)
    at(microsoft, "enable")

    link_checks.check_link(_link(connection).pk, now=NOW() + timedelta(hours=1), anew=True)

    found = Connection.objects.get(pk=connection.pk)
    assert (found.state, found.trouble, found.refused_since) == (State.DEGRADED, Trouble.MAILBOX, since)
    assert found.refresh_due_at is not None


def test_a_good_answer_of_its_mailbox_needs_no_refresh(connection: Connection, cast: Cast) -> None:
    link_checks.check_links(now=NOW())
    Connection.objects.update(state=State.DEGRADED, trouble=Trouble.MAILBOX, refresh_due_at=NOW(), attempts=3)

    states.went_well(_fresh(connection), now=NOW(), of=Trouble.MAILBOX)

    found = Connection.objects.get(pk=connection.pk)
    assert (found.state, found.refresh_due_at, found.attempts) == (State.CONNECTED, None, 0)


def _fresh(connection: Connection) -> Connection:
    return Connection.objects.select_related("user__account").get(pk=connection.pk)


def _link(connection: Connection) -> TenantLink:
    assert connection.link is not None
    return connection.link
