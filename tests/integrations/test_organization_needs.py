"""Which permissions are needed, which are there, and which are too much: the rule itself."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.organization.effects import effects
from integrations.organization.needs import PERMISSIONS, Needs, Row, Standing, compare, contained

NAMES = st.sampled_from(sorted(PERMISSIONS))
NEEDS = st.builds(Needs, writes_calendars=st.booleans(), reads_contacts=st.booleans())
ROLES = st.sets(NAMES | st.just("Sites.Read.All"))
SAID = st.sampled_from(["ok", "refused", "unanswered", "unknown"])
PROBED = st.dictionaries(st.sampled_from(["calendar", "calendar_write", "contacts"]), SAID)
BOTH = Needs(writes_calendars=True, reads_contacts=True)


def _standings(rows: list[Row]) -> dict[str, Standing]:
    return {row.name: row.standing for row in rows}


def test_what_is_needed_is_the_least() -> None:
    assert Needs(writes_calendars=False).names == ["Calendars.Read", "User.Read.All"]
    assert BOTH.names == ["Calendars.ReadWrite", "Contacts.Read", "User.Read.All"]


def test_each_row_has_its_standing() -> None:
    rows = compare(BOTH, ["Calendars.ReadWrite", "Mail.Read"], {"calendar": "ok", "contacts": "refused"})

    assert _standings(rows) == {
        "Calendars.ReadWrite": Standing.GRANTED,
        "Contacts.Read": Standing.MISSING,
        "User.Read.All": Standing.DONE_WITHOUT,
        "Mail.Read": Standing.MORE,
    }


def test_a_wider_permission_gives_the_narrower_one_and_is_more_than_needed() -> None:
    rows = compare(Needs(writes_calendars=False), ["Calendars.ReadWrite"], {"calendar": "ok"})

    needed, calendars = rows[0], rows[-1]
    assert (needed.standing, needed.by) == (Standing.GRANTED, "Calendars.ReadWrite")
    assert (calendars.name, calendars.standing) == ("Calendars.ReadWrite", Standing.MORE)
    assert "Calendars.Read is enough" in calendars.why


def test_what_exchange_grants_shows_in_no_token_and_is_believed_of_a_mailbox() -> None:
    rows = compare(Needs(), [], {"calendar": "ok", "calendar_write": "ok", "contacts": "ok"})

    assert _standings(rows) == {
        "Calendars.ReadWrite": Standing.SCOPED,
        "User.Read.All": Standing.DONE_WITHOUT,
        "Contacts.Read": Standing.MORE,
    }
    assert rows[-1].is_exchange


@pytest.mark.parametrize("probed", [{}, {"calendar": "unanswered"}, {"calendar": "ok"}])
def test_without_an_answer_nothing_is_called_missing(probed: dict[str, str]) -> None:
    rows = compare(BOTH, [], probed)

    assert [row.standing for row in rows if row.is_needed and row.name != "User.Read.All"] == [Standing.UNKNOWN] * 2


def test_who_may_not_read_may_not_write() -> None:
    (calendars, _) = compare(Needs(), [], {"calendar": "refused"})

    assert calendars.standing is Standing.MISSING


@pytest.mark.parametrize("roles", [["Calendars.Read"], []])
def test_a_part_of_what_is_missing_is_not_too_much(roles: list[str]) -> None:
    rows = compare(Needs(), roles, {"calendar": "ok", "calendar_write": "refused"})

    assert Standing.MORE not in _standings(rows).values()
    assert effects(rows)[0].says.startswith("They are read, but cannot be written")


def test_what_a_scope_gives_already_is_too_much_for_all_mailboxes() -> None:
    rows = compare(Needs(), ["Calendars.Read"], {"calendar": "ok", "calendar_write": "ok"})

    assert _standings(rows)["Calendars.Read"] is Standing.MORE


def test_contacts_that_are_shut_say_why_and_calendars_go_on() -> None:
    rows = compare(BOTH, ["Calendars.ReadWrite"], {"contacts": "refused"})

    calendars, contacts, people = effects(rows)

    assert calendars.works and "read and written" in calendars.says
    assert not contacts.works and "not read any more" in contacts.says
    assert people.works and "not followed" in people.says


@given(NEEDS, ROLES, PROBED)
def test_every_role_of_the_token_and_every_need_has_one_row(
    needed: Needs, roles: set[str], probed: dict[str, str]
) -> None:
    rows = compare(needed, roles, probed)

    assert len({row.name for row in rows}) == len(rows)
    assert {*needed.names, *roles} <= {row.name for row in rows}


@given(NEEDS, ROLES, PROBED)
def test_granted_needs_follow_from_the_roles(needed: Needs, roles: set[str], probed: dict[str, str]) -> None:
    granted = {row.name for row in compare(needed, roles, probed) if row.is_needed and row.standing is Standing.GRANTED}

    assert granted == contained(roles) & set(needed.names)


@given(NEEDS, ROLES, PROBED, NAMES)
def test_one_permission_more_never_makes_a_need_missing(
    needed: Needs, roles: set[str], probed: dict[str, str], another: str
) -> None:
    before = {row.name for row in compare(needed, roles, probed) if row.standing is Standing.MISSING}

    after = {row.name for row in compare(needed, roles | {another}, probed) if row.standing is Standing.MISSING}

    assert after <= before


@given(NEEDS)
def test_with_exactly_what_is_needed_nothing_is_too_much(needed: Needs) -> None:
    rows = compare(needed, needed.names, {})

    assert {row.standing for row in rows} == {Standing.GRANTED}


def test_every_permission_says_what_it_allows_and_contains_only_known_ones() -> None:
    for one in PERMISSIONS.values():
        assert one.allows
        assert one.contains <= set(PERMISSIONS)
        assert contained(one.contains) == one.contains
        if one.app_role:
            UUID(one.app_role)
