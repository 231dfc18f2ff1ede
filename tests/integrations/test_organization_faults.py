"""What becomes of people who are connected by their organization's consent when something there goes wrong.

Each trouble comes over the wire. After it: the right state and reason, for those it concerns and for nobody else, no
letter to anybody, and all of it mended by itself once the cause is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AssociatedDomain, AuditEntry, DomainState, Letter
from integrations import checking, credential_checks
from integrations.failures import Reason
from integrations.models import Connection, LinkState, State, TenantLink
from integrations.organization import following, link_checks, probing
from tests.cast import Cast
from tests.integrations.authorized import set_up_by_admin
from tests.integrations.linked import ROLES, again, at, carried, consented, linked, standing, with_person
from tests.integrations.wired import asked, connected, forget_microsoft
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

Do = Callable[[Simulator], object]
AFTERWARDS = timedelta(hours=2)
WORKS = (State.CONNECTED, "")


@dataclass
class House:
    """Alice and Bob are connected by Kestrel's consent, Gus by his own sign-in, Mallory by Corvid's consent."""

    link: TenantLink
    other: TenantLink
    alice: Connection
    bob: Connection
    gus: Connection
    mallory: Connection

    def look(self, *, after: timedelta = timedelta()) -> TenantLink:
        """The sweep's turn, `after` the last one."""
        now = timezone.now() + after
        TenantLink.objects.update(check_due_at=now)
        link_checks.check_links(now=now)
        return again(self.link)

    def end_tokens(self) -> None:
        """They have lived their hour."""
        TenantLink.objects.update(access_token="", access_expires_at=None)

    def assert_others_are_well(self) -> None:
        assert standing(self.gus) == WORKS
        assert standing(self.mallory) == WORKS
        assert again(self.other).state == LinkState.WORKING
        assert not Letter.objects.exists()


@pytest.fixture
def house(cast: Cast, microsoft: Simulator) -> House:
    link = linked(cast.kestrel, microsoft)
    alice, bob = carried(link, [cast.alice, cast.bob], microsoft)
    other = linked(cast.corvid, microsoft, tenant_id=consented(microsoft, tenant="corvid.example"))
    [mallory] = carried(other, [cast.mallory], microsoft)
    house = House(link, other, alice, bob, connected(cast.gus, microsoft), mallory)
    house.look()
    assert (again(link).state, again(link).probed["calendar"]) == (LinkState.WORKING, "ok")
    return house


# ── All of the organization ─────────────────────────────────────────────────
@dataclass(frozen=True)
class Fault:
    name: str
    begin: Do
    end: Do
    state: str
    reason: str
    # What Microsoft says with it, to quote.
    code: str = ""


def _fault(microsoft: Simulator, **rule: Any) -> None:
    microsoft.control("POST", "faults", {"tenant": "kestrel.example", **rule})


def _no_faults(microsoft: Simulator) -> None:
    microsoft.control("DELETE", "faults")


def _consent_anew(microsoft: Simulator) -> None:
    consented(microsoft)


FAULTS = [
    Fault(
        "the application is removed",
        partial(at, action="remove"),
        _consent_anew,
        State.PAUSED,
        Reason.APP_REMOVED,
        "AADSTS700016",
    ),
    Fault(
        "the application is disabled",
        partial(at, action="disable"),
        partial(at, action="enable"),
        State.PAUSED,
        Reason.APP_REMOVED,
        "AADSTS7000112",
    ),
    Fault(
        "every permission is withdrawn",
        partial(at, action="remove-roles", roles=list(ROLES)),
        _consent_anew,
        State.PAUSED,
        Reason.CONSENT_REVOKED,
        "ErrorAccessDenied",
    ),
    Fault(
        "the permission for calendars is withdrawn",
        partial(at, action="remove-roles", roles=["Calendars.ReadWrite"]),
        _consent_anew,
        State.PAUSED,
        Reason.PERMISSION_MISSING,
        "ErrorAccessDenied",
    ),
    Fault(
        "Microsoft blocks the organization",
        lambda microsoft: microsoft.control("POST", "tenants/kestrel.example/block"),
        lambda microsoft: microsoft.control("POST", "tenants/kestrel.example/unblock"),
        State.PAUSED,
        Reason.TENANT_BLOCKED,
        "AADSTS5000224",
    ),
    Fault(
        "Microsoft knows no such organization",
        partial(_fault, target="token", path="client_credentials", steps=[{"status": 400, "aadsts": 90002}]),
        _no_faults,
        State.PAUSED,
        Reason.TENANT_GONE,
        "AADSTS90002",
    ),
    Fault(
        "a rule of the organization stops applications",
        partial(_fault, target="token", path="client_credentials", steps=[{"status": 400, "aadsts": 53003}]),
        _no_faults,
        State.PAUSED,
        Reason.CONDITIONAL_ACCESS,
        "AADSTS53003",
    ),
    Fault(
        "Entra has trouble",
        partial(_fault, target="token", path="client_credentials", steps=[{"status": 503}]),
        _no_faults,
        State.DEGRADED,
        Reason.SERVICE_TROUBLE,
    ),
    Fault(
        "Entra asks for patience",
        partial(_fault, target="token", path="client_credentials", steps=[{"status": 429, "retry_after": 60}]),
        _no_faults,
        State.DEGRADED,
        Reason.TOO_MANY_REQUESTS,
    ),
    Fault(
        "Entra does not answer",
        partial(_fault, target="token", path="client_credentials", steps=[{"reset": True}]),
        _no_faults,
        State.DEGRADED,
        Reason.NO_ANSWER,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_trouble_of_an_organization_is_its_peoples_and_nobody_elses(
    house: House, microsoft: Simulator, fault: Fault
) -> None:
    house.end_tokens()

    fault.begin(microsoft)
    troubled = house.look()
    found = {standing(house.alice), standing(house.bob)}

    assert (troubled.state, troubled.reason) == (fault.state, fault.reason)
    assert troubled.code.startswith(fault.code)
    assert found == {(fault.state, fault.reason)}
    house.assert_others_are_well()

    fault.end(microsoft)
    mended = house.look(after=AFTERWARDS)

    assert (mended.state, mended.reason, mended.attempts) == (LinkState.WORKING, "", 0)
    assert {standing(house.alice), standing(house.bob)} == {WORKS}
    house.assert_others_are_well()


def test_an_expired_secret_pauses_all_who_live_by_it_and_is_told_to_the_operator_alone(
    house: House, microsoft: Simulator, mailoutbox: list[Any], settings: Any
) -> None:
    house.end_tokens()
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")

    house.look()

    assert again(house.link).reason == again(house.other).reason == Reason.CREDENTIAL_EXPIRED
    assert {standing(one) for one in (house.alice, house.bob, house.mallory)} == {
        (State.PAUSED, Reason.CREDENTIAL_EXPIRED)
    }
    assert standing(house.gus) == WORKS
    assert not Letter.objects.exists()
    assert not AuditEntry.objects.filter(action="organization.consent_lost").exists()

    refused = asked(microsoft, "client_credentials")
    house.look(after=AFTERWARDS)
    assert asked(microsoft, "client_credentials") == refused, "while none is accepted, the minute’s probe alone asks"

    secret = "another-secret-of-the-same-application"
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": secret, "days": 30})
    settings.MICROSOFT_CLIENT_SECRET = secret
    credential_checks.mind(now=timezone.now() + AFTERWARDS)
    link_checks.check_links(now=timezone.now() + AFTERWARDS)

    assert {standing(one) for one in (house.alice, house.bob, house.mallory)} == {WORKS}


def test_a_lost_consent_is_audited_once_and_so_is_its_return(house: House, microsoft: Simulator) -> None:
    at(microsoft, "remove")
    house.end_tokens()

    for minutes in (0, 20, 40):
        house.look(after=timedelta(minutes=minutes))
    consented(microsoft)
    for minutes in (60, 80):
        house.look(after=timedelta(minutes=minutes))

    about = AuditEntry.objects.filter(target_kind="tenant link").order_by("pk").values_list("action", "account_id")
    account = house.link.account_id
    assert list(about) == [("organization.consent_lost", account), ("organization.consent_found", account)]


def test_that_the_application_was_removed_is_found_before_the_token_ends(house: House, microsoft: Simulator) -> None:
    at(microsoft, "remove")

    link = house.look()

    assert (link.state, link.reason) == (LinkState.PAUSED, Reason.APP_REMOVED)


def test_a_token_of_before_does_not_bring_a_removed_application_back(house: House, microsoft: Simulator) -> None:
    at(microsoft, "remove-roles", roles=["User.Read.All"])
    house.end_tokens()
    house.look()
    at(microsoft, "remove")
    link_checks.check_link(house.link.pk, now=timezone.now(), anew=True)

    for _ in range(2):
        link = house.look()

    assert (link.state, link.reason) == (LinkState.PAUSED, Reason.APP_REMOVED)
    assert standing(house.alice) == (State.PAUSED, Reason.APP_REMOVED)


def test_of_a_tenant_that_is_gone_a_new_process_hears_too(house: House) -> None:
    house.end_tokens()
    nobodys = "00000000-1111-4222-8333-444444444444"
    TenantLink.objects.filter(pk=house.link.pk).update(tenant_id=nobodys)
    forget_microsoft()

    link = house.look()

    assert (link.state, link.reason, link.code) == (LinkState.PAUSED, Reason.TENANT_GONE, "AADSTS90002")
    house.assert_others_are_well()


def test_while_the_token_lasts_silence_of_entra_takes_no_calendar_away(house: House, microsoft: Simulator) -> None:
    _fault(microsoft, target="token", path="client_credentials", steps=[{"status": 503}])
    soon, before = timezone.now() + timedelta(minutes=8), timezone.now() - timedelta(hours=1)
    TenantLink.objects.filter(pk=house.link.pk).update(access_expires_at=soon, roles_at=before)

    link = house.look()

    assert (link.state, link.reason) == (LinkState.DEGRADED, Reason.SERVICE_TROUBLE)
    assert {standing(house.alice), standing(house.bob)} == {WORKS}

    house.look(after=timedelta(minutes=9))

    assert {standing(house.alice), standing(house.bob)} == {(State.DEGRADED, Reason.SERVICE_TROUBLE)}


def test_a_greater_trouble_stays_in_sight_while_entra_is_silent(house: House, microsoft: Simulator) -> None:
    at(microsoft, "disable")
    house.end_tokens()
    house.look()
    _fault(microsoft, target="token", path="client_credentials", steps=[{"status": 503}])

    link = house.look(after=timedelta(minutes=20))

    assert (link.state, link.reason) == (LinkState.PAUSED, Reason.APP_REMOVED)
    assert standing(house.alice) == (State.PAUSED, Reason.APP_REMOVED)


def test_trouble_of_all_mailboxes_is_no_trouble_of_the_consent(house: House, microsoft: Simulator) -> None:
    _fault(microsoft, target="graph", steps=[{"status": 503}])

    link = house.look()

    assert (link.state, link.reason) == (LinkState.DEGRADED, Reason.SERVICE_TROUBLE)
    assert {standing(house.alice), standing(house.bob)} == {WORKS}, "each tells for itself, once it is asked"
    _no_faults(microsoft)
    assert house.look(after=AFTERWARDS).state == LinkState.WORKING


def test_a_token_that_microsoft_refuses_before_its_time_is_replaced_once(house: House, microsoft: Simulator) -> None:
    before = asked(microsoft, "client_credentials")
    _fault(microsoft, target="graph", count=1, steps=[{"status": 401}])

    link = house.look()

    assert asked(microsoft, "client_credentials") == before + 1
    assert link.state == LinkState.WORKING


# ── One mailbox ─────────────────────────────────────────────────────────────
def _check(connection: Connection, *, after: timedelta = timedelta()) -> checking.Finding:
    return checking.check(connection.pk, now=timezone.now() + after)


def _narrow_to_bob(microsoft: Simulator) -> None:
    at(microsoft, "scope", role="Calendars.ReadWrite", people=["bob@kestrel.example"])
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite"])


def _is_due(connection: Connection, *, after: timedelta) -> bool:
    """The sweep of mailboxes finds it by then."""
    due_at = Connection.objects.get(pk=connection.pk).refresh_due_at
    return due_at is not None and due_at <= timezone.now() + after


@pytest.mark.parametrize(
    ("keep_out", "let_in"),
    [
        (
            lambda m: at(m, "access-policy", kind="deny", people=["alice@kestrel.example"]),
            lambda m: at(m, "remove-access-policy"),
        ),
        (
            lambda m: at(m, "access-policy", kind="restrict", people=["bob@kestrel.example"]),
            lambda m: at(m, "access-policy", kind="restrict", people=["bob@kestrel.example", "alice@kestrel.example"]),
        ),
        (
            _narrow_to_bob,
            lambda m: at(
                m, "scope", role="Calendars.ReadWrite", people=["bob@kestrel.example", "alice@kestrel.example"]
            ),
        ),
    ],
    ids=["denied by an access policy", "not among those of an access policy", "outside a scope of Exchange’s"],
)
def test_whose_mailbox_the_organization_keeps_to_itself_is_out_and_nobody_else(
    house: House, microsoft: Simulator, keep_out: Do, let_in: Do
) -> None:
    keep_out(microsoft)
    house.end_tokens()

    _check(house.alice)
    _check(house.bob)

    assert standing(house.alice) == (State.NOT_ELIGIBLE, Reason.SCOPED_OUT)
    assert standing(house.bob) == WORKS
    assert house.look().state == LinkState.WORKING
    house.assert_others_are_well()

    let_in(microsoft)
    _check(house.alice, after=AFTERWARDS)

    assert standing(house.alice) == WORKS
    about = AuditEntry.objects.filter(about_id=house.alice.user_id, action__startswith="calendar.")
    assert "calendar.scoped_out" in set(about.values_list("action", flat=True))


@pytest.mark.parametrize(
    ("take", "give_back", "reason"),
    [
        ("move-on-premises", "move-to-cloud", Reason.ON_PREMISES),
        ("take-mailbox", "move-to-cloud", Reason.NO_MAILBOX),
        ("delete", "restore", Reason.NO_MAILBOX),
    ],
)
def test_a_mailbox_that_is_gone_is_believed_after_a_day_and_comes_back(
    house: House, cast: Cast, microsoft: Simulator, take: str, give_back: str, reason: Reason
) -> None:
    with_person(microsoft, cast.alice, take)

    _check(house.alice)
    assert standing(house.alice) == (State.DEGRADED, reason)

    _check(house.alice, after=timedelta(hours=25))
    assert standing(house.alice) == (State.NOT_ELIGIBLE, reason)
    assert standing(house.bob) == WORKS
    assert house.look().state == LinkState.WORKING
    house.assert_others_are_well()

    with_person(microsoft, cast.alice, give_back)
    assert _is_due(house.alice, after=timedelta(days=9))
    _check(house.alice, after=timedelta(days=9))

    assert standing(house.alice) == WORKS


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, Reason.SERVICE_TROUBLE), (429, Reason.TOO_MANY_REQUESTS), (500, Reason.SERVICE_TROUBLE)],
)
def test_passing_trouble_of_one_mailbox_passes(house: House, microsoft: Simulator, status: int, reason: Reason) -> None:
    step = {"status": status, "retry_after": 20} if status == 429 else {"status": status}
    _fault(microsoft, target="graph", path=f"users/{house.alice.object_id}/*", steps=[step])

    _check(house.alice)
    _check(house.bob)

    assert standing(house.alice) == (State.DEGRADED, reason)
    assert standing(house.bob) == WORKS
    house.assert_others_are_well()

    _no_faults(microsoft)
    assert _is_due(house.alice, after=AFTERWARDS)
    _check(house.alice, after=AFTERWARDS)

    assert standing(house.alice) == WORKS


# ── What the directory says ─────────────────────────────────────────────────
@pytest.fixture
def followed(house: House, cast: Cast) -> Callable[[], None]:
    """Kestrel’s people are those of a domain it has proved, and set up by its admin."""
    for account, domain, admin in (
        (cast.kestrel, "kestrel.example", cast.dana),
        (cast.corvid, "corvid.example", cast.mallory),
    ):
        AssociatedDomain.objects.create(
            account=account, name=domain, token=domain, state=DomainState.VERIFIED, added_at=timezone.now()
        )
        set_up_by_admin(account, by=admin)
    later = count(1)

    def follow() -> None:
        now = timezone.now() + next(later) * timedelta(hours=7)
        following.follow(house.link.pk, now=now)
        probing.probe(house.link.pk, now=now, clock=lambda: now)

    return follow


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("undo", "do"), [("enable", "disable"), ("restore", "delete")])
def test_whose_account_is_disabled_or_deleted_there_is_out_until_it_is_back(
    house: House, followed: Callable[[], None], cast: Cast, microsoft: Simulator, do: str, undo: str
) -> None:
    followed()
    assert {standing(house.alice), standing(house.bob)} == {WORKS}

    with_person(microsoft, cast.alice, do)
    followed()

    assert standing(house.alice)[0] == State.NOT_ELIGIBLE
    assert standing(house.bob) == WORKS
    assert standing(house.mallory) == WORKS
    assert not Letter.objects.exists()

    with_person(microsoft, cast.alice, undo)
    followed()

    assert standing(house.alice) == WORKS


@pytest.mark.django_db(transaction=True)
def test_after_narrowing_everybody_outside_is_out_and_everybody_inside_stays(
    house: House, followed: Callable[[], None], microsoft: Simulator
) -> None:
    _narrow_to_bob(microsoft)
    house.end_tokens()

    followed()

    assert standing(house.alice) == (State.NOT_ELIGIBLE, Reason.SCOPED_OUT)
    assert standing(house.bob) == WORKS
    assert again(house.link).state == LinkState.WORKING

    at(microsoft, "grant-roles", roles=["Calendars.ReadWrite"])
    house.end_tokens()
    followed()

    assert standing(house.alice) == WORKS
