"""The guidance: exact commands for one organization, in an order in which calendars never stop."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from integrations.organization.narrowing import (
    Chosen,
    How,
    Place,
    Step,
    calendars_alone,
    ending,
    is_usable,
    quoted,
    scoping,
    taking_away,
)
from integrations.organization.needs import PERMISSIONS, Needs, compare
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import authorized

APP, TENANT, PRINCIPAL = (str(UUID(int=number)) for number in (1, 2, 3))
PLACE = Place(APP, TENANT, PRINCIPAL)
UNKNOWN = Place(APP, TENANT)
CALENDARS = PERMISSIONS["Calendars.ReadWrite"].app_role
CONTACTS = PERMISSIONS["Contacts.Read"].app_role
ALL_THREE = ["Calendars.ReadWrite", "Contacts.Read", "User.Read.All"]


def _commands(steps: list[Step]) -> str:
    return "\n".join(step.commands for step in steps)


def _at(steps: list[Step], text: str) -> int:
    return next(number for number, step in enumerate(steps) if text in step.commands)


def test_what_is_not_needed_is_taken_away_and_nothing_else() -> None:
    rows = compare(Needs(), [*ALL_THREE, "Mail.Read", "Sites.Read.All"], {"calendar": "ok"})

    commands = _commands(taking_away(PLACE, rows))

    assert f"Connect-MgGraph -TenantId '{TENANT}'" in commands
    assert f"$principalId = '{PRINCIPAL}'" in commands
    assert f"AppRoleId -eq '{CONTACTS}'" in commands
    assert "Value -eq 'Sites.Read.All'" in commands
    assert CALENDARS not in commands
    assert PERMISSIONS["User.Read.All"].app_role not in commands


def test_a_role_of_exchange_that_nobody_needs_is_taken_away_there() -> None:
    rows = compare(Needs(), ["Calendars.ReadWrite"], {"contacts": "ok"})

    commands = _commands(taking_away(PLACE, rows))

    assert "-Role 'Application Contacts.Read' | Remove-ManagementRoleAssignment" in commands
    assert "Remove-MgServicePrincipalAppRoleAssignment" not in commands


def test_with_what_is_needed_there_is_nothing_to_take_away() -> None:
    assert taking_away(PLACE, compare(Needs(), ["Calendars.ReadWrite", "User.Read.All"], {})) == []
    assert calendars_alone(PLACE, Needs(), ["Calendars.ReadWrite"]) == []


def test_calendars_alone_says_what_stops() -> None:
    steps = calendars_alone(PLACE, Needs(reads_contacts=True), ALL_THREE)

    assert CALENDARS not in _commands(steps)
    assert "Contacts are not read any more" in steps[-1].says
    assert "aliases are not followed" in steps[-1].says


def test_the_permission_for_all_mailboxes_goes_last() -> None:
    steps = scoping(PLACE, Needs(reads_contacts=True), ALL_THREE, Chosen(what="calendars@kestrel.example"))

    order = ["New-ServicePrincipal", "New-ManagementScope", "New-ManagementRoleAssignment", "Test-Service", CALENDARS]
    assert sorted(_at(steps, text) for text in order) == [_at(steps, text) for text in order]
    commands = _commands(steps)
    assert f"New-ServicePrincipal -AppId '{APP}' -ObjectId $principalId" in commands
    assert "-Role 'Application Calendars.ReadWrite' -CustomResourceScope 'Meridian mailboxes'" in commands
    assert "-Role 'Application Contacts.Read'" in commands
    assert PERMISSIONS["User.Read.All"].app_role not in commands


def test_only_the_needed_rights_are_given_for_a_scope() -> None:
    commands = _commands(scoping(PLACE, Needs(writes_calendars=False), ALL_THREE, Chosen()))

    assert re.findall(r"-Role '([^']*)'", commands) == ["Application Calendars.Read"]


def test_where_the_object_id_is_not_known_graph_is_asked_for_it_first() -> None:
    steps = scoping(UNKNOWN, Needs(), ALL_THREE, Chosen())

    assert _at(steps, "Connect-MgGraph") < _at(steps, "New-ServicePrincipal")
    assert f"Get-MgServicePrincipal -Filter \"appId eq '{APP}'\"" in _commands(steps)


def test_another_cloud_is_named() -> None:
    commands = _commands(scoping(Place(APP, TENANT, PRINCIPAL, "graph.microsoft.us"), Needs(), ALL_THREE, Chosen()))

    assert "-Environment USGov" in commands
    assert "-ExchangeEnvironmentName O365USGovGCCHigh" in commands


def test_ending_leaves_one_command() -> None:
    assert "Remove-MgServicePrincipal -ServicePrincipalId $principalId" in _commands(ending(PLACE))


@given(st.text(max_size=60))
def test_what_is_typed_stays_one_literal(text: str) -> None:
    """PowerShell ends a literal at a quotation mark, straight or typographic, that is not doubled."""
    inner = quoted(text)[1:-1]

    assert re.sub("(['‘’‚‛])\\1", "", inner) == re.sub("['‘’‚‛]", "", text)


@given(st.text(max_size=60).filter(is_usable), st.sampled_from(How))
def test_what_is_typed_stays_on_its_line(text: str, how: How) -> None:
    steps = scoping(PLACE, Needs(), ALL_THREE, Chosen(how, text, text, text))
    plain = scoping(PLACE, Needs(), ALL_THREE, Chosen(how, "x", "x", "x"))

    assert [len(step.commands.splitlines()) for step in steps] == [len(step.commands.splitlines()) for step in plain]


@pytest.mark.django_db
def test_the_page_fills_the_commands_in(cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel, service_principal_id=PRINCIPAL)
    query = {"how": "filter", "what": "Department -eq 'Sales'", "inside": "alice@kestrel.example"}

    page = client_of(cast.dana).get(reverse("organization", args=[link.pk]), query).content.decode()

    assert "Department -eq &#x27;&#x27;Sales&#x27;&#x27;" in page
    assert "-Resource &#x27;alice@kestrel.example&#x27;" in page
    assert PRINCIPAL in page and link.tenant_id in page


@pytest.mark.django_db
def test_a_line_break_is_not_taken_over(cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel)

    answer = client_of(cast.dana).get(
        reverse("organization", args=[link.pk]), {"how": "filter", "what": "x'\nRemove-Mailbox alice"}
    )

    assert "on one line" in answer.content.decode()
    assert not any("Remove-Mailbox" in step.commands for step in answer.context["scoping"])
