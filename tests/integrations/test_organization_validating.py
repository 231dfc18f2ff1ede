"""What Microsoft really grants in an organization: checked again, narrowed, and drifted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AssociatedDomain, AuditEntry, DomainState, Letter, Role
from integrations.failures import Reason
from integrations.models import Connection, LinkState, State, TenantLink
from integrations.organization import drift, following, link_checks, mailbox_rights, probing, validating, wanted
from integrations.organization.needs import Needs, Standing, compare
from integrations.preferences import Method, ServicePolicy
from tests.cast import FOUNDED, Cast, ClientOf, crowd, joined
from tests.integrations.authorized import authorized, connected_by, set_up_by_admin
from tests.integrations.linked import again, at, carried, consented, linked, standing
from tests.integrations.tied import set_to
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

ALL_THREE = ("User.Read.All", "Calendars.ReadWrite", "Contacts.Read")
LATER = timedelta(hours=2)


@pytest.fixture(autouse=True)
def nobody_asked_yet() -> None:
    cache.clear()


@pytest.fixture
def link(cast: Cast, microsoft: Simulator) -> TenantLink:
    """All that the application is registered for, and Alice and Bob connected."""
    link = linked(cast.kestrel, microsoft, tenant_id=consented(microsoft, ALL_THREE))
    set_up_by_admin(cast.kestrel, by=cast.dana)
    proved = {"state": DomainState.VERIFIED, "verified_at": FOUNDED, "added_at": FOUNDED}
    AssociatedDomain.objects.create(account=cast.kestrel, name="kestrel.example", token="made-up", **proved)
    carried(link, [cast.alice, cast.bob], microsoft)
    return link


def _checked(link: TenantLink, *, after: timedelta = timedelta(), **asked: str) -> validating.Check:
    now = timezone.now() + after
    assert validating.ask(link, now=now, **asked)
    validating.carry_out(link.pk, now=now)
    found = validating.latest(link, now=now)
    assert found is not None
    return found


def _standings(link: TenantLink) -> dict[str, Standing]:
    rows = compare(wanted.needed_by(link.account), again(link).roles, mailbox_rights.known(again(link)))
    return {row.name: row.standing for row in rows}


def _said(check: validating.Check) -> list[tuple[str, dict[str, str]]]:
    return [(one.address, one.said) for one in check.mailboxes]


OPEN = {"calendar": "ok", "calendar_write": "ok", "contacts": "ok"}
NO_DRIFT: dict[str, list[str]] = {"missing": [], "more": [], "without": []}
SHUT = {"calendar": "refused", "calendar_write": "refused", "contacts": "refused"}


def test_a_check_says_what_is_granted_and_what_is_too_much(link: TenantLink, cast: Cast) -> None:
    check = _checked(link)

    assert check.is_fine
    assert [said for _, said in _said(check)] == [OPEN]
    assert _standings(link) == {
        "Calendars.ReadWrite": Standing.GRANTED,
        "User.Read.All": Standing.GRANTED,
        "Contacts.Read": Standing.MORE,
    }
    assert again(link).service_principal_id


def test_narrowed_to_some_mailboxes_calendars_go_on_and_contacts_say_why_they_stopped(
    link: TenantLink, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    contacts_too = ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS, organization_contacts=True)
    set_to("services", contacts_too, at=cast.kestrel, by=cast.dana)
    _checked(link)
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=list(ALL_THREE))

    check = _checked(link, inside=cast.alice.email, outside=cast.bob.email, after=LATER)

    assert check.says == f"{cast.alice.email} should be open, and Microsoft refuses its contacts."
    assert _said(check) == [(cast.alice.email, OPEN | {"contacts": "refused"}), (cast.bob.email, SHUT)]
    assert again(link).state == LinkState.WORKING
    assert _standings(link) == {
        "Calendars.ReadWrite": Standing.SCOPED,
        "Contacts.Read": Standing.MISSING,
        "User.Read.All": Standing.DONE_WITHOUT,
    }
    page = client_of(cast.dana).get(reverse("organization", args=[link.pk])).content.decode()
    assert "Contacts.Read. Calendars go on without it" in page
    probing.probe(link.pk, now=timezone.now() + LATER)
    following.follow(link.pk, now=timezone.now() + LATER)
    assert standing(cast.alice.connection) == (State.CONNECTED, "")
    assert standing(cast.bob.connection) == (State.NOT_ELIGIBLE, Reason.SCOPED_OUT)


def test_a_permission_for_all_mailboxes_that_was_left_shows(link: TenantLink, cast: Cast, microsoft: Simulator) -> None:
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email])

    check = _checked(link, inside=cast.alice.email, outside=cast.bob.email)

    assert not check.is_fine
    assert f"{cast.bob.email} should be closed" in check.says


def test_contacts_that_were_left_open_for_all_mailboxes_show(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite", "User.Read.All"])

    check = _checked(link, inside=cast.alice.email, outside=cast.bob.email, after=LATER)

    assert not check.is_fine
    assert check.says.startswith(f"{cast.bob.email} should be closed, and Microsoft still opens its contacts:")


def test_a_mailbox_that_can_only_be_read_is_not_open_as_needed(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    at(microsoft, "scope", role="Calendars.Read", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=list(ALL_THREE))

    check = _checked(link, inside=cast.alice.email, outside=cast.bob.email, after=LATER)

    assert check.says == f"{cast.alice.email} should be open, and Microsoft refuses writing its calendar."


def test_the_mailbox_that_was_typed_is_asked_first_and_counts(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    lately: dict[str, Any] = {"object_id": "", "address": cast.bob.email, "last_good_at": timezone.now() + LATER}
    connected_by(link, crowd(cast.kestrel, 40), **lately)
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=list(ALL_THREE))

    check = _checked(link, inside=cast.alice.email, outside=cast.bob.email, after=LATER)

    assert check.is_fine, check.says
    assert again(link).state == LinkState.WORKING


def test_a_check_that_a_worker_has_begun_is_not_silent() -> None:
    at_first = timezone.now()
    check = validating.Check(at_first, None, "", "", "", False, (), at_first + timedelta(seconds=80))

    begun = replace(check, began_at=at_first + timedelta(seconds=1))

    assert check.is_silent
    assert begun.is_waiting and not begun.is_silent


def test_a_mailbox_that_says_nothing_is_not_asked_every_minute(link: TenantLink) -> None:
    TenantLink.objects.filter(pk=link.pk).update(probed={})
    now = timezone.now()

    mailbox_rights.note(
        again(link), mailbox_rights.Answers("alice@kestrel.example", {"contacts": "unanswered"}), now=now
    )

    assert not mailbox_rights.are_old(again(link), now=now + timedelta(minutes=5))
    assert mailbox_rights.are_old(again(link), now=now + timedelta(minutes=15))
    assert mailbox_rights.known(again(link)) == {}


def test_asking_whether_a_calendar_may_be_written_changes_nothing(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    before = microsoft.control("GET", f"people/{cast.alice.email}/events")

    _checked(link, inside=cast.alice.email)

    assert microsoft.control("GET", f"people/{cast.alice.email}/events") == before


def test_a_check_of_a_consent_that_is_gone_says_so(link: TenantLink, microsoft: Simulator) -> None:
    at(microsoft, "remove")

    check = _checked(link)

    assert not check.is_fine
    assert "removed or switched off" in check.says
    assert check.mailboxes == ()


@pytest.mark.parametrize("address", ["trent@corvid.example", "alice@eu.kestrel.example", "alice", "@kestrel.example"])
def test_only_mailboxes_of_proved_domains_are_asked(address: str, cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel)

    answer = client_of(cast.dana).post(reverse("organization_check", args=[link.pk]), {"inside": address})

    assert answer.status_code == 422
    assert validating.latest(link, now=timezone.now()) is None


# ── Drift ───────────────────────────────────────────────────────────────────
def _told() -> list[tuple[str, str]]:
    return list(Letter.objects.filter(kind=drift.LETTER).order_by("person__email").values_list("person__email", "text"))


def _swept(link: TenantLink, *, after: timedelta) -> None:
    """The sweeps' turn: with a new token."""
    now = timezone.now() + after
    link_checks.check_link(link.pk, now=now, anew=True)
    validating.look_after(now=now)


def test_what_was_consented_to_at_first_is_no_news(link: TenantLink) -> None:
    _swept(link, after=timedelta())

    assert again(link).drift["more"] == ["Contacts.Read"]
    assert not _told()


def test_drift_is_shown_audited_and_mailed_to_the_admins_once(
    link: TenantLink, cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    _swept(link, after=timedelta())
    at(microsoft, "grant-roles", roles=["Mail.Read"])

    for minutes in (1, 2, 3):
        _swept(link, after=timedelta(minutes=minutes))

    assert [email for email, _ in _told()] == ["ada@kestrel.example", "dana@kestrel.example"]
    assert "Mail.Read: Read the mail of every mailbox" in _told()[0][1]
    assert "Contacts.Read" not in _told()[0][1]
    assert AuditEntry.objects.filter(action=drift.FOUND).count() == 1
    page = client_of(cast.dana).get(reverse("organization", args=[link.pk])).content.decode()
    assert "What Microsoft grants changed" in page


def test_each_drift_is_told_once_and_what_is_mended_is_only_written_down(
    link: TenantLink, microsoft: Simulator
) -> None:
    _swept(link, after=timedelta())
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite", "Contacts.Read"])
    at(microsoft, "grant-roles", roles=["Calendars.Read"])
    _swept(link, after=timedelta(minutes=1))
    at(microsoft, "grant-roles", roles=["Calendars.ReadWrite"])
    at(microsoft, "remove-roles", roles=["Calendars.Read"])
    _swept(link, after=timedelta(minutes=2))
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite"])
    at(microsoft, "grant-roles", roles=["Calendars.Read"])
    _swept(link, after=timedelta(minutes=3))
    assert len(_told()) == 1
    _swept(link, after=timedelta(days=8))
    _swept(link, after=timedelta(days=30))

    assert [email for email, _ in _told()] == ["dana@kestrel.example"] * 2
    assert all("Missing:\n\n  - Calendars.ReadWrite" in text for _, text in _told())
    assert AuditEntry.objects.filter(action=drift.CLOSER).count() == 1


def test_scopes_that_differ_are_told_once_because_the_same_mailbox_is_asked(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    set_to("services", _policy(organization_contacts=True), at=cast.kestrel, by=cast.dana)
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email, cast.bob.email])
    at(microsoft, "scope", role="Contacts.Read", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=list(ALL_THREE))

    asked = set()
    for turn in range(5):
        after = LATER * (turn + 1)
        latest = cast.alice if turn % 2 else cast.bob
        Connection.objects.filter(user=latest).update(last_good_at=timezone.now() + after)
        _swept(link, after=after)
        asked.add(again(link).probed_address)

    assert len(asked) == 1
    assert len(_told()) == 1


def test_what_is_told_is_not_told_again_within_a_week_whichever_mailbox_answers(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    set_to("services", _policy(organization_contacts=True), at=cast.kestrel, by=cast.dana)
    _swept(link, after=timedelta())
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email, cast.bob.email])
    at(microsoft, "scope", role="Contacts.Read", people=[cast.alice.email])
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite", "Contacts.Read"])

    for turn in range(6):
        _checked(link, inside=(cast.alice if turn % 2 else cast.bob).email, after=LATER * (turn + 1))

    assert len(_told()) == 1


def test_a_change_of_the_settings_is_not_told_as_microsofts_doing(
    link: TenantLink, cast: Cast, client_of: ClientOf
) -> None:
    _swept(link, after=timedelta())
    set_to("services", _policy(calendar_write=False), at=cast.kestrel, by=cast.dana)

    _swept(link, after=timedelta(minutes=1))
    _swept(link, after=timedelta(minutes=2))

    assert not _told()
    assert again(link).drift["more"] == ["Calendars.ReadWrite", "Contacts.Read"]
    assert AuditEntry.objects.filter(action=drift.NEEDED).count() == 1
    assert not AuditEntry.objects.filter(action=drift.FOUND).exists()
    page = client_of(cast.dana).get(reverse("organization", args=[link.pk])).content.decode()
    assert "What the settings need has changed" in page
    assert "What Microsoft grants changed" not in page


def test_what_microsoft_changed_is_told_though_the_settings_changed_too(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    _swept(link, after=timedelta())
    set_to("services", _policy(calendar_write=False), at=cast.kestrel, by=cast.dana)
    at(microsoft, "grant-roles", roles=["Mail.Read"])

    _swept(link, after=timedelta(minutes=1))

    ((_, text),) = _told()
    assert "Mail.Read" in text and "Calendars.ReadWrite" not in text


def test_a_letter_that_was_overtaken_is_not_sent(link: TenantLink, microsoft: Simulator) -> None:
    _swept(link, after=timedelta())
    at(microsoft, "remove-roles", roles=["Contacts.Read"])
    at(microsoft, "grant-roles", roles=["Mail.Read"])
    _swept(link, after=timedelta(minutes=1))
    at(microsoft, "remove-roles", roles=["Mail.Read"])
    _swept(link, after=timedelta(minutes=2))

    still_so = drift.still_so(Letter.objects.get(kind=drift.LETTER))

    assert not still_so


def test_rights_that_are_scoped_are_no_drift_where_they_are_what_is_needed(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    _swept(link, after=timedelta())
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.alice.email, cast.bob.email])
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite", "Contacts.Read"])

    _swept(link, after=timedelta(minutes=1))

    assert {kind: again(link).drift[kind] for kind in ("missing", "more", "without")} == NO_DRIFT
    assert not _told()


def test_answers_of_before_a_change_are_worth_nothing(link: TenantLink) -> None:
    _checked(link)
    TenantLink.objects.filter(pk=link.pk).update(roles=[])

    assert "calendar_write" not in mailbox_rights.known(again(link))
    assert mailbox_rights.are_old(again(link), now=timezone.now())


# ── What the settings need ──────────────────────────────────────────────────
def _policy(**parts: Any) -> ServicePolicy:
    return ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS, **parts)


def test_contacts_are_needed_where_a_policy_of_application_permissions_ticks_them(cast: Cast) -> None:
    set_to("services", _policy(organization_contacts=True), at=cast.sales, by=cast.dana)

    assert wanted.needed_by(cast.kestrel) == Needs(writes_calendars=True, reads_contacts=True)
    assert not wanted.needed_by(cast.corvid).reads_contacts


def test_under_a_lock_of_the_account_a_groups_policy_needs_nothing(cast: Cast) -> None:
    set_to("services", _policy(organization_contacts=True), at=cast.sales, by=cast.dana)
    set_to("services", _policy(), at=cast.kestrel, by=cast.dana, is_locked=True)

    assert not wanted.needed_by(cast.kestrel).reads_contacts


def test_a_policy_of_sign_ins_needs_no_contacts_of_the_organization(cast: Cast) -> None:
    set_to("services", ServicePolicy(organization_contacts=True), at=cast.kestrel, by=cast.dana)

    assert not wanted.needed_by(cast.kestrel).reads_contacts


def test_calendars_that_nobody_may_write_are_only_read(cast: Cast) -> None:
    set_to("services", _policy(calendar_write=False), at=cast.kestrel, by=cast.dana)

    assert not wanted.needed_by(cast.kestrel).writes_calendars


# ── The page, and the end ───────────────────────────────────────────────────
@pytest.mark.parametrize("number", [5, 500])
def test_the_pages_ask_the_database_as_often_whatever_their_size(
    number: int, cast: Cast, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    link = authorized(cast.kestrel)
    connected_by(link, crowd(cast.kestrel, number))
    browser = client_of(cast.dana)
    browser.get(reverse("organizations"))

    with django_assert_num_queries(9):  # with whose the account's domains are, for a further authorization
        browser.get(reverse("organizations"))
    with django_assert_num_queries(7):
        browser.get(reverse("organization", args=[link.pk]))
    with django_assert_num_queries(7):
        browser.get(reverse("organization_end", args=[link.pk]))


def test_ending_says_whom_it_disconnects_and_what_remains_and_does_it(cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel, service_principal_id="11111111-2222-4333-8444-555555555555", access_token="sealed")
    connected_by(link, [cast.alice, cast.bob])
    browser, address = client_of(cast.dana), reverse("organization_end", args=[link.pk])

    page = browser.get(address).content.decode()
    answer = browser.post(address, {"reason": "Moving away", "said": "2"}, follow=True)

    assert "End it and disconnect 2 people" in page
    assert "Alice" in page and "Remove-MgServicePrincipal" in page
    assert "2 people are disconnected" in answer.content.decode()
    link.refresh_from_db()
    assert (link.state, link.access_token) == (LinkState.ENDED, "")
    assert {one.state for one in Connection.objects.all()} == {State.DISCONNECTED}
    assert browser.get(reverse("organization", args=[link.pk])).status_code == 404


def test_it_ends_no_more_than_it_had_said(cast: Cast, client_of: ClientOf) -> None:
    link = authorized(cast.kestrel)
    connected_by(link, [cast.alice, cast.bob])

    answer = client_of(cast.dana).post(reverse("organization_end", args=[link.pk]), {"said": "1"})

    assert "More people are connected now" in answer.content.decode()
    assert again(link).ended_at is None
