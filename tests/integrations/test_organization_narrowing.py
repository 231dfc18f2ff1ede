"""The guidance: exact commands for one organization, in an order in which calendars never stop."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from integrations.organization.exchange_commands import quoted
from integrations.organization.narrowing import (
    Chosen,
    How,
    Place,
    Step,
    calendars_alone,
    ending,
    is_usable,
    scoping,
    taking_away,
)
from integrations.organization.needs import GIVEN, PERMISSIONS, Needs, Standing, compare, contained
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

    assert set(re.findall(r"-Role '([^']*)'", commands)) == {"Application Calendars.Read"}


def test_where_the_object_id_is_not_known_graph_is_asked_for_it_first() -> None:
    steps = scoping(UNKNOWN, Needs(), ALL_THREE, Chosen())

    assert _at(steps, "Connect-MgGraph") < _at(steps, "New-ServicePrincipal")
    assert f"Get-MgServicePrincipal -Filter \"appId eq '{APP}'\"" in _commands(steps)


def test_another_cloud_is_named() -> None:
    commands = _commands(scoping(Place(APP, TENANT, PRINCIPAL, "graph.microsoft.us"), Needs(), ALL_THREE, Chosen()))

    assert "-Environment USGov" in commands
    assert "-ExchangeEnvironmentName O365USGovGCCHigh" in commands


# ── Doing what it says ──────────────────────────────────────────────────────
EXCHANGE = sorted(one.name for one in PERMISSIONS.values() if one.exchange_role)
ROLES = st.sets(st.sampled_from(sorted(PERMISSIONS)) | st.just("Sites.Read.All"))
NEEDS = st.builds(Needs, writes_calendars=st.booleans(), reads_contacts=st.booleans())
_ASKED = {"calendar": "Calendars.Read", "calendar_write": "Calendars.ReadWrite", "contacts": "Contacts.Read"}
_OF_APP_ROLE = {one.app_role: one.name for one in PERMISSIONS.values() if one.app_role}


def _probed(roles: set[str], at_exchange: set[str]) -> dict[str, str]:
    open_ = contained(roles | at_exchange)
    return {asked: "ok" if name in open_ else "refused" for asked, name in _ASKED.items()}


def _given(needed: Needs, roles: set[str], at_exchange: set[str]) -> set[str]:
    rows = compare(needed, roles, _probed(roles, at_exchange))
    return {row.name for row in rows if row.is_needed and row.standing in GIVEN}


def _done(step: Step, roles: set[str], at_exchange: set[str]) -> tuple[set[str], set[str]]:
    """What is granted once the commands of a step were carried out."""
    roles, at_exchange = set(roles), set(at_exchange)
    ids = r"New-MgServicePrincipalAppRoleAssignment .*-AppRoleId '([^']*)'"
    roles |= {_OF_APP_ROLE[one] for one in re.findall(ids, step.commands)}
    roles -= {_OF_APP_ROLE[one] for one in re.findall(r"Where-Object AppRoleId -eq '([^']*)'", step.commands)}
    roles -= set(re.findall(r"Where-Object Value -eq '([^']*)'", step.commands))
    for wider, block in re.findall(
        r"-Role 'Application ([^']*)' \| ForEach-Object \{(.*?@scope) \}", step.commands, re.S
    ):
        if wider in at_exchange:
            at_exchange |= set(re.findall(r"New-ManagementRoleAssignment .*-Role 'Application ([^']*)'", block))
    scoped = r"New-ManagementRoleAssignment .*-Role 'Application ([^']*)' -CustomResourceScope"
    at_exchange |= set(re.findall(scoped, step.commands))
    removed = r"-Role 'Application ([^']*)' \| Remove-ManagementRoleAssignment"
    at_exchange -= set(re.findall(removed, step.commands))
    return roles, at_exchange


@given(NEEDS, ROLES, st.sets(st.sampled_from(EXCHANGE)))
def test_after_every_step_of_taking_away_all_that_was_given_and_is_needed_is_given(
    needed: Needs, roles: set[str], at_exchange: set[str]
) -> None:
    steps = taking_away(PLACE, compare(needed, roles, _probed(roles, at_exchange)))
    before = _given(needed, roles, at_exchange)

    for step in steps:
        roles, at_exchange = _done(step, roles, at_exchange)
        assert before <= _given(needed, roles, at_exchange)


@given(NEEDS, ROLES)
def test_what_the_guide_calls_too_much_is_gone_at_its_end(needed: Needs, roles: set[str]) -> None:
    before = set(roles)
    for step in taking_away(PLACE, compare(needed, roles, {})):
        roles, _ = _done(step, roles, set())

    assert roles == before & roles | contained(before) & set(needed.names)
    assert not [row for row in compare(needed, roles, {}) if row.standing is Standing.MORE]


@given(NEEDS, ROLES)
def test_calendars_stay_where_all_the_rest_goes(needed: Needs, roles: set[str]) -> None:
    calendars = needed.names[0]
    steps = calendars_alone(PLACE, needed, roles)
    had, left = calendars in contained(roles), roles

    for step in steps:
        left, _ = _done(step, left, set())
        assert (calendars in contained(left)) is had

    assert not steps or left == {calendars}


@given(NEEDS, ROLES, st.sets(st.sampled_from(EXCHANGE)))
def test_calendars_and_contacts_go_on_while_it_is_limited(
    needed: Needs, roles: set[str], at_exchange: set[str]
) -> None:
    before = _given(needed, roles, at_exchange)

    for step in scoping(PLACE, needed, roles, Chosen()):
        roles, at_exchange = _done(step, roles, at_exchange)
        assert before <= _given(needed, roles, at_exchange)


def test_what_is_enough_is_granted_first_and_said() -> None:
    _, grant, remove = taking_away(PLACE, compare(Needs(writes_calendars=False), ["Calendars.ReadWrite"], {}))

    assert f"-AppRoleId '{PERMISSIONS['Calendars.Read'].app_role}'" in grant.commands
    assert "Calendars.Read is enough" in remove.says
    assert "Nothing in Meridian uses it" not in remove.says


def test_contacts_that_exchange_opens_by_a_wider_role_are_shut_too() -> None:
    steps = taking_away(PLACE, compare(Needs(), ["Calendars.ReadWrite"], {"contacts": "ok"}))

    assert "-Role 'Application Contacts.ReadWrite' | Remove-ManagementRoleAssignment" in _commands(steps)


@pytest.mark.parametrize("place", [PLACE, UNKNOWN])
def test_nothing_is_removed_at_exchange_but_by_the_applications_own_id(place: Place) -> None:
    """An empty variable is no filter there: the roles of everybody would go."""
    surplus = compare(Needs(writes_calendars=False), [], {"calendar": "ok", "calendar_write": "ok", "contacts": "ok"})

    lines = _commands([*ending(place), *taking_away(place, surplus)]).splitlines()

    removing = [line for line in lines if "Remove-ManagementRoleAssignment" in line]
    assert len(removing) > 1
    assert all(line.startswith(f"Get-ManagementRoleAssignment -RoleAssignee '{APP}'") for line in removing)


def test_every_step_stands_alone_in_a_new_window() -> None:
    for place in (PLACE, UNKNOWN):
        everything = [
            *ending(place),
            *scoping(place, Needs(reads_contacts=True), ALL_THREE, Chosen()),
            *taking_away(place, compare(Needs(writes_calendars=False), [*ALL_THREE, "Mail.Read"], {"contacts": "ok"})),
        ]
        for step in everything:
            used = set(re.findall(r"\$(principalId|graph|group|filter)\b", step.commands))
            assert used == set(re.findall(r"(?m)^\$(principalId|graph|group|filter) = ", step.commands))


def test_an_enterprise_application_is_removed_by_one_who_may() -> None:
    who = ending(PLACE)[0].says

    assert "a Cloud Application Administrator, an Application Administrator or a Global Administrator" in who
    assert "Privileged Role" not in who


def test_limited_once_more_the_scope_is_pointed_elsewhere_and_no_role_is_made_twice() -> None:
    commands = _commands(scoping(PLACE, Needs(), [], Chosen(How.FILTER, "Department -eq 'Sales'")))

    assert "Set-ManagementScope -Identity 'Meridian mailboxes' -RecipientRestrictionFilter $filter" in commands
    assert "if (-not (Get-ManagementRoleAssignment" in commands


@pytest.mark.parametrize("needed", [Needs(), Needs(reads_contacts=True)])
def test_limiting_says_nothing_of_contacts_that_were_never_read_or_still_are(needed: Needs) -> None:
    assert not [step for step in scoping(PLACE, needed, ALL_THREE, Chosen()) if "not read any more" in step.says]


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
