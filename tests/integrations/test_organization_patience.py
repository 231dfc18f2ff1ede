"""An organization that lets the portal into a few mailboxes only, that grants late, or whose Microsoft asks for
patience: nobody is taken for lost before all were asked, and nothing is asked more often than it may be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Job, JobRow
from integrations import fitting
from integrations.failures import Reason
from integrations.models import Connection, LinkState, Move, State, TenantLink
from integrations.organization import claims, following, link_checks, probing, sounding
from integrations.preferences import Method
from tests.cast import Cast
from tests.integrations.authorized import set_up_by_admin
from tests.integrations.followed import followed, how, served, verified
from tests.integrations.linked import again, at, linked
from tests.integrations.test_connecting_people import crowd
from tests.integrations.tied import set_to
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)
OURS = Method.APPLICATION_PERMISSIONS.value


@pytest.fixture
def link(cast: Cast, microsoft: Simulator) -> TenantLink:
    return served(cast.kestrel, microsoft, by=cast.dana)


def _narrowed(link: TenantLink, cast: Cast, microsoft: Simulator) -> None:
    """To Bob, of whom nobody would think first."""
    followed(link)
    at(microsoft, "scope", role="Calendars.ReadWrite", people=[cast.bob.email])
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite"])
    Connection.objects.filter(user=cast.bob).update(last_good_at=None)


def _asked_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounding, "FEW", 1)
    monkeypatch.setattr(sounding, "MANY", 1)


def test_a_scope_of_a_few_pauses_nobody(
    link: TenantLink, cast: Cast, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _narrowed(link, cast, microsoft)
    _asked_for_few(monkeypatch)

    found = link_checks.check_link(link.pk, now=timezone.now(), anew=True)

    assert found is not None
    assert (found.state, found.reason) == (LinkState.WORKING, "")
    assert how(cast.bob) == (OURS, State.CONNECTED, "")
    assert how(cast.alice) == (OURS, State.NOT_ELIGIBLE, Reason.SCOPED_OUT)


def test_a_consent_thought_lost_is_found_again_by_probing(
    link: TenantLink, cast: Cast, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _narrowed(link, cast, microsoft)
    _asked_for_few(monkeypatch)
    monkeypatch.setattr(sounding, "ALL_OF_THEM", timedelta())
    now = timezone.now()
    link_checks.check_link(link.pk, now=now, anew=True)
    assert again(link).state == LinkState.PAUSED

    due = probing.to_probe(now=now + timedelta(seconds=2))
    for minutes in range(1, 4):
        moment = now + timedelta(minutes=minutes)
        probing.probe(link.pk, now=moment, clock=lambda moment=moment: moment)  # type: ignore[misc]

    assert due == [link.pk]
    assert again(link).state == LinkState.WORKING
    assert how(cast.bob) == (OURS, State.CONNECTED, "")
    assert how(cast.alice) == (OURS, State.NOT_ELIGIBLE, Reason.SCOPED_OUT)


def test_a_mailbox_that_is_said_to_be_open_is_asked_first(
    link: TenantLink, cast: Cast, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _narrowed(link, cast, microsoft)
    _asked_for_few(monkeypatch)
    monkeypatch.setattr(sounding, "ALL_OF_THEM", timedelta())

    found = link_checks.check_link(link.pk, now=timezone.now(), anew=True, prefer=[cast.bob.email])

    assert found is not None
    assert found.state == LinkState.WORKING


def test_a_permission_that_is_granted_late_brings_everybody(link: TenantLink, cast: Cast, microsoft: Simulator) -> None:
    at(microsoft, "remove-roles", roles=["Calendars.ReadWrite"])
    followed(link)
    now = timezone.now()
    link_checks.check_link(link.pk, now=now, anew=True)
    assert (again(link).state, again(link).reason) == (LinkState.PAUSED, Reason.PERMISSION_MISSING)

    at(microsoft, "grant-roles", roles=["Calendars.ReadWrite"])
    later = now + timedelta(minutes=10)
    link_checks.check_link(link.pk, now=later, anew=True)
    assert probing.to_probe(now=later + timedelta(seconds=2)) == [link.pk]
    probing.probe(link.pk, now=later + timedelta(seconds=2))

    assert {how(one)[1] for one in (cast.dana, cast.alice, cast.bob)} == {State.CONNECTED}


def test_while_the_consent_is_lost_there_is_no_job_after_job(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    followed(link)
    crowd(cast.kestrel, 45)
    at(microsoft, "remove-roles", roles=["User.Read.All", "Calendars.ReadWrite"])
    link_checks.check_link(link.pk, now=timezone.now(), anew=True)

    for minutes in (2, 4, 6):
        followed(link, after=timedelta(minutes=minutes))

    assert not JobRow.objects.exists()


def test_after_a_job_that_came_to_nothing_a_few_are_asked_before_the_next(
    link: TenantLink, cast: Cast, microsoft: Simulator
) -> None:
    crowd(cast.kestrel, 45)
    at(microsoft, "remove-roles", roles=["User.Read.All"])  # each is asked for by the address
    busy = {"status": 429, "retry_after": 1800}
    microsoft.control("POST", "faults", {"target": "graph", "path": "$batch", "steps": [busy]})

    for minutes in (0, 40, 80):
        followed(link, after=timedelta(minutes=minutes))
    jobs = Job.objects.count()
    microsoft.control("DELETE", "faults")
    followed(link, after=timedelta(minutes=120))

    assert jobs == 1
    assert Job.objects.count() == 2


def test_when_microsoft_asks_for_patience_the_directory_and_the_mailboxes_are_left_alone(
    link: TenantLink, microsoft: Simulator
) -> None:
    followed(link)
    now = timezone.now() + timedelta(hours=7)
    wait = {"steps": [{"status": 429, "retry_after": 1800}]}

    microsoft.control("POST", "faults", {"target": "graph", "path": "users*", **wait})
    TenantLink.objects.filter(pk=link.pk).update(follow_due_at=now)
    following.follow(link.pk, now=now)

    waiting = again(link)
    assert waiting.not_before is not None
    assert waiting.follow_due_at == waiting.not_before >= now + timedelta(seconds=1700)
    assert probing.to_probe(now=now + timedelta(minutes=20)) == []

    microsoft.control("DELETE", "faults")
    followed(link, now=waiting.not_before)
    assert (again(link).not_before, again(link).setbacks) == (None, 0)

    microsoft.control("POST", "faults", {"target": "graph", "path": "$batch", **wait})
    later = waiting.not_before + timedelta(hours=1)
    TenantLink.objects.filter(pk=link.pk).update(probe_due_at=later)
    probing.probe(link.pk, now=later, clock=lambda: later)
    assert probing.to_probe(now=later + timedelta(minutes=20)) == []


@pytest.mark.parametrize("grace", [7, 0])
def test_who_connected_since_the_last_following_is_moved_and_not_cut_off(
    cast: Cast, microsoft: Simulator, grace: int
) -> None:
    verified(cast.kestrel)
    link = linked(cast.kestrel, microsoft)
    set_to("grace", grace, at=cast.kestrel, by=cast.dana)
    followed(link)
    connected(cast.alice, microsoft)
    Connection.objects.filter(user=cast.alice).update(move=Move.UNKNOWN)  # one from before its organization consented

    set_up_by_admin(cast.kestrel, by=cast.dana, is_locked=True)
    fitting.apply_policy(cast.kestrel, now=timezone.now())

    assert how(cast.alice)[1] == State.CONNECTED
    assert Connection.objects.get(user=cast.alice).move == Move.READY


def test_a_new_connection_to_an_organization_that_has_consented_may_be_moved(cast: Cast, microsoft: Simulator) -> None:
    verified(cast.kestrel)
    linked(cast.kestrel, microsoft)

    assert connected(cast.alice, microsoft).move == Move.READY


def test_whose_a_domain_is_is_asked_again_however_often_is_followed(link: TenantLink) -> None:
    now = timezone.now()
    followed(link, now=now)
    first = again(link).domains_at

    for minutes in (10, 20, 31):
        followed(link, now=now + timedelta(minutes=minutes))

    assert first == now
    assert again(link).domains_at == now + timedelta(minutes=31)


def test_who_was_too_slow_does_not_free_what_another_has(link: TenantLink) -> None:
    now = timezone.now()
    slow = claims.take(TenantLink.objects.all(), link.pk, following.CLAIM, now=now)
    other = claims.take(TenantLink.objects.all(), link.pk, following.CLAIM, now=now + following.CLAIM)
    assert slow is not None
    assert other is not None

    slow.release()

    assert again(link).claimed_until == now + 2 * following.CLAIM
    with pytest.raises(claims.Lost):
        slow.hold(now=now + timedelta(hours=1))


def test_mailboxes_that_do_not_answer_keep_nobody_from_being_probed(
    link: TenantLink, cast: Cast, microsoft: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(link)
    monkeypatch.setattr(probing, "AT_ONCE", 1)
    silent = carried_first(link)
    microsoft.control(
        "POST", "faults", {"target": "graph", "path": f"users/{silent.object_id}/*", "steps": [{"status": 503}]}
    )
    now = timezone.now() + timedelta(hours=7)
    TenantLink.objects.filter(pk=link.pk).update(probe_due_at=now, check_due_at=now)

    for turn in range(3):
        moment = now + timedelta(minutes=30 * turn)
        probing.probe(link.pk, now=moment, clock=lambda moment=moment: moment)  # type: ignore[misc]

    others = Connection.objects.filter(link=link).exclude(pk=silent.pk)
    assert others.exists()
    assert not others.filter(last_good_at__lt=now).exists()


def carried_first(link: TenantLink) -> Connection:
    return Connection.objects.filter(link=link, state=State.CONNECTED).order_by("pk")[0]
