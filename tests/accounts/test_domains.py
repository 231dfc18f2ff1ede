"""Associated domains from the first look to the last, against a name server on this machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connections

from accounts import domain_rules, domains, letters, openings
from accounts.domain_checks import Finding
from accounts.domain_proofs import FILE_NAME, record
from accounts.models import Account, AssociatedDomain, AuditEntry, DomainMethod, DomainState, User
from tests.cast import FOUNDED, Cast
from tests.name_server import NameServer, name_server
from tests.web_site import WebSite, answer, web_site

__all__ = ["name_server", "web_site"]

pytestmark = pytest.mark.django_db

NAME = "kestrel.example"
NOW = FOUNDED + timedelta(days=30)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def added(account: Account, by: User, name: str = NAME) -> AssociatedDomain:
    return domains.add(account, name, actor=by, now=NOW).new[0]


def verified(account: Account, by: User, name_server: NameServer, name: str = NAME) -> AssociatedDomain:
    domain = added(account, by, name)
    name_server.publish(name, "TXT", record(domain.token))
    domains.verify(domain, method="txt", actor=by, now=NOW)
    return looked(domain, NOW)


def looked(domain: AssociatedDomain, now: Any) -> AssociatedDomain:
    domains.check(domain.pk, now=now)
    domain.refresh_from_db()
    return domain


def told() -> list[str]:
    letters.send_waiting(now=NOW + timedelta(days=300))
    return sorted(f"{letter.to[0].split('@')[0]}: {letter.subject}" for letter in mail.outbox)


@pytest.fixture
def domain(cast: Cast, name_server: NameServer) -> AssociatedDomain:
    """Verified."""
    return verified(cast.kestrel, cast.dana, name_server)


@pytest.fixture
def gained(monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    """Whose domains have changed, as the floors above hear of it."""
    heard: list[Account] = []
    monkeypatch.setattr(openings, "domains_changed", [lambda *, account: heard.append(account)])
    return heard


# ── Added ───────────────────────────────────────────────────────────────────
def test_several_are_added_at_once_and_prove_nothing(cast: Cast) -> None:
    made = domains.add(cast.kestrel, f"{NAME}, Corvid.Example", actor=cast.dana, now=NOW)

    assert [one.name for one in made.new] == [NAME, "corvid.example"]
    assert {one.state for one in made.new} == {DomainState.PENDING}
    assert len({one.token for one in made.new}) == 2
    assert domains.verified(cast.kestrel) == []
    assert AuditEntry.objects.filter(action="domain.added", actor=cast.dana).count() == 2


def test_one_that_is_wrong_keeps_all_from_being_added(cast: Cast) -> None:
    with pytest.raises(domain_rules.NotOurs, match="public mail provider"):
        domains.add(cast.kestrel, f"{NAME}, gmail.com", actor=cast.dana, now=NOW)

    assert not AssociatedDomain.objects.exists()


def test_adding_again_changes_nothing(cast: Cast) -> None:
    first = added(cast.kestrel, cast.dana)

    again = domains.add(cast.kestrel, f"{NAME}, heron.example", actor=cast.dana, now=NOW)

    assert again.known == (NAME,)
    assert AssociatedDomain.objects.get(name=NAME).token == first.token


def test_two_accounts_may_claim_the_same_with_different_proofs(cast: Cast) -> None:
    ours, theirs = added(cast.kestrel, cast.dana), added(cast.corvid, cast.mallory)

    assert ours.token != theirs.token


@pytest.mark.parametrize("who", ["alice", "gus", "mallory"])
def test_only_admins_of_the_account_change_its_domains(who: str, cast: Cast) -> None:
    domain, person = added(cast.kestrel, cast.dana), getattr(cast, who)
    changes: list[Callable[[], object]] = [
        lambda: domains.add(cast.kestrel, "heron.example", actor=person, now=NOW),
        lambda: domains.verify(domain, method="txt", actor=person, now=NOW),
        lambda: domains.remove(domain, actor=person, now=NOW),
    ]

    for change in changes:
        with pytest.raises(PermissionDenied):
            change()


def test_there_is_an_end_to_an_accounts_domains(cast: Cast) -> None:
    AssociatedDomain.objects.bulk_create(
        AssociatedDomain(account=cast.kestrel, name=f"d{n}.example", token="x", added_at=NOW)
        for n in range(domains.MOST)
    )

    with pytest.raises(domains.TooMany):
        added(cast.kestrel, cast.dana)


# ── Verified ────────────────────────────────────────────────────────────────
def test_a_published_record_verifies(
    cast: Cast, name_server: NameServer, gained: list[Account], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        domain = verified(cast.kestrel, cast.dana, name_server)

    assert (domain.state, domain.verified_at, domain.trouble) == (DomainState.VERIFIED, NOW, "")
    assert domains.verified(cast.kestrel) == [NAME]
    assert gained == [cast.kestrel]
    entry = AuditEntry.objects.get(action="domain.verified")
    assert (entry.actor, entry.target_name, entry.after) == (None, NAME, {"method": "txt"})


def test_nothing_is_believed_before_a_worker_has_looked(cast: Cast, name_server: NameServer) -> None:
    domain = added(cast.kestrel, cast.dana)
    name_server.publish(NAME, "TXT", record(domain.token))

    domain = domains.verify(domain, method="txt", actor=cast.dana, now=NOW)

    assert domain.state == DomainState.VERIFYING
    assert domains.is_looking(domain)
    assert domains.verified(cast.kestrel) == []
    assert name_server.asked == []


def test_the_proof_of_one_account_is_none_for_another(cast: Cast, name_server: NameServer) -> None:
    ours, theirs = added(cast.kestrel, cast.dana), added(cast.corvid, cast.mallory)
    name_server.publish(NAME, "TXT", record(ours.token))

    domains.verify(theirs, method="txt", actor=cast.mallory, now=NOW)

    assert looked(theirs, NOW).trouble == Finding.DIFFERENT
    assert domains.verified(cast.corvid) == []


def test_a_proof_is_looked_for_until_it_is_there(cast: Cast, name_server: NameServer) -> None:
    domain, now = added(cast.kestrel, cast.dana), NOW
    domains.verify(domain, method="txt", actor=cast.dana, now=NOW)
    waits = []
    for _ in range(9):
        domain = looked(domain, now)
        assert (domain.state, domain.trouble) == (DomainState.VERIFYING, Finding.NO_SUCH_DOMAIN)
        assert domain.check_due_at is not None
        waits.append((domain.check_due_at - now).total_seconds())
        now = domain.check_due_at
    name_server.publish(NAME, "TXT", record(domain.token))

    assert looked(domain, now).state == DomainState.VERIFIED
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_after_three_days_nobody_looks_any_more(cast: Cast, name_server: NameServer) -> None:
    domain = added(cast.kestrel, cast.dana)
    domains.verify(domain, method="txt", actor=cast.dana, now=NOW)

    domain = looked(domain, NOW + domains.PATIENCE)

    assert (domain.state, domain.check_due_at) == (DomainState.PENDING, None)
    assert domain.trouble == Finding.NO_SUCH_DOMAIN


def test_of_two_who_prove_the_same_the_first_has_it(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    theirs = added(cast.corvid, cast.mallory)
    name_server.publish(NAME, "TXT", record(domain.token), record(theirs.token))
    domains.verify(theirs, method="txt", actor=cast.mallory, now=NOW)

    assert looked(theirs, NOW).trouble == Finding.TAKEN
    assert domains.verified(cast.corvid) == []
    domains.remove(domain, actor=cast.dana, now=NOW)
    assert theirs.check_due_at is not None
    assert looked(theirs, theirs.check_due_at).state == DomainState.VERIFIED


# ── A worker's claim ────────────────────────────────────────────────────────
def test_what_is_not_due_is_not_looked_for(cast: Cast, name_server: NameServer, domain: AssociatedDomain) -> None:
    name_server.asked.clear()

    for early in (NOW, NOW + DAY - SECOND):
        domains.check(domain.pk, now=early)
        assert domains.check_due(now=early) == 0
    domains.check(10**9, now=NOW)

    assert name_server.asked == []


def test_a_worker_that_died_keeps_nothing(cast: Cast, name_server: NameServer) -> None:
    domain = added(cast.kestrel, cast.dana)
    name_server.publish(NAME, "TXT", record(domain.token))
    domains.verify(domain, method="txt", actor=cast.dana, now=NOW)
    AssociatedDomain.objects.filter(pk=domain.pk).update(claimed_until=NOW + domains.CLAIM)

    assert domains.check_due(now=NOW + domains.CLAIM - SECOND) == 0
    assert domains.check_due(now=NOW + domains.CLAIM) == 1
    assert domains.verified(cast.kestrel) == [NAME]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", ["removed", "asked anew"])
def test_what_happens_while_a_worker_looks_counts_more(meanwhile: str, cast: Cast, name_server: NameServer) -> None:
    """… and can happen: no transaction is open while the DNS is asked."""
    domain = added(cast.kestrel, cast.dana)
    name_server.publish(NAME, "TXT", record(domain.token))
    domains.verify(domain, method="txt", actor=cast.dana, now=NOW)

    def happens() -> None:
        if meanwhile == "removed":
            domains.remove(domain, actor=cast.dana, now=NOW)
        else:
            domains.verify(domain, method="file", actor=cast.dana, now=NOW + SECOND)
        connections.close_all()

    name_server.before_the_first = happens
    domains.check(domain.pk, now=NOW)

    assert name_server.asked == [(NAME, "TXT")]
    assert domains.verified(cast.kestrel) == []
    assert not AuditEntry.objects.filter(action="domain.verified").exists()


# ── Looked for again ────────────────────────────────────────────────────────
def test_a_proof_that_stands_is_found_every_day(
    name_server: NameServer, domain: AssociatedDomain, gained: list[Account], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for day in range(1, 5):
            looked(domain, NOW + day * DAY)

    assert (domain.state, domain.verified_at, domain.checked_at) == (DomainState.VERIFIED, NOW, NOW + 4 * DAY)
    assert AuditEntry.objects.filter(action="domain.verified").count() == 1
    assert (told(), gained) == ([], [])


def test_a_proof_that_is_gone_counts_for_a_week_and_admins_are_told_once(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    name_server.publish(NAME, "TXT", "v=spf1 -all")
    lost = NOW + DAY
    looked(domain, lost)
    assert told() == []  # one look is not enough

    for hour in range(1, 7 * 24, 7):
        assert looked(domain, lost + hour * HOUR).state == DomainState.VERIFIED

    assert domain.failing_since == lost
    assert told() == ["dana: The proof for kestrel.example is missing"]
    assert AuditEntry.objects.filter(action="domain.proof_missing").count() == 1


def test_after_a_week_it_lapses(
    cast: Cast, name_server: NameServer, gained: list[Account], django_capture_on_commit_callbacks: Any
) -> None:
    domain = verified(cast.kestrel, cast.dana, name_server)
    name_server.records.clear()
    looked(domain, NOW + DAY)

    with django_capture_on_commit_callbacks(execute=True):
        looked(domain, NOW + DAY + domains.GRACE)

    assert domain.state == DomainState.LAPSED
    assert domains.verified(cast.kestrel) == []
    assert gained == [cast.kestrel]
    assert told() == ["dana: kestrel.example is no longer verified"]
    assert AuditEntry.objects.get(action="domain.lapsed").after == {"since": "2026-10-02T09:00:00+00:00"}


def test_what_lapsed_comes_back_with_its_proof(cast: Cast, name_server: NameServer, domain: AssociatedDomain) -> None:
    name_server.records.clear()
    looked(domain, NOW + DAY)
    lapsed = NOW + DAY + domains.GRACE
    looked(domain, lapsed)
    name_server.publish(NAME, "TXT", record(domain.token))

    looked(domain, lapsed + DAY)

    assert (domain.state, domain.verified_at, domain.failing_since) == (DomainState.VERIFIED, lapsed + DAY, None)


def test_what_lapsed_is_not_forgotten_because_somebody_asked_too_early(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    name_server.records.clear()
    looked(domain, NOW + DAY)
    lapsed = NOW + DAY + domains.GRACE
    looked(domain, lapsed)
    domains.verify(domain, method="txt", actor=cast.dana, now=lapsed + HOUR)
    assert looked(domain, lapsed + HOUR).state == DomainState.VERIFYING

    given_up = lapsed + HOUR + domains.PATIENCE
    looked(domain, given_up)

    assert (domain.state, domain.check_due_at) == (DomainState.LAPSED, given_up + DAY)
    name_server.publish(NAME, "TXT", record(domain.token))
    assert looked(domain, given_up + DAY).state == DomainState.VERIFIED


def test_a_proof_that_is_back_in_time_changes_nothing(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    name_server.records.clear()
    for hour in (0, 1, 2):
        looked(domain, NOW + DAY + hour * HOUR)
    name_server.publish(NAME, "TXT", record(domain.token))

    looked(domain, NOW + DAY + 3 * HOUR)

    assert (domain.state, domain.failing_since, domain.trouble) == (DomainState.VERIFIED, None, "")
    assert told() == []  # overtaken, before it was sent


def test_silence_is_no_loss_for_a_month(cast: Cast, name_server: NameServer, domain: AssociatedDomain) -> None:
    name_server.troubles[NAME] = "SERVFAIL"
    looked(domain, NOW + DAY)

    assert looked(domain, NOW + DAY + domains.GRACE).state == DomainState.VERIFIED
    assert told() == []
    assert looked(domain, NOW + DAY + domains.GRACE_OF_THE_SILENT).state == DomainState.LAPSED


def test_after_a_long_silence_a_clear_no_gives_the_admins_a_week(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    name_server.troubles[NAME] = "SERVFAIL"
    looked(domain, NOW + DAY)
    looked(domain, NOW + 10 * DAY)
    name_server.troubles.clear()
    name_server.records.clear()
    answers = NOW + 11 * DAY

    for hour in (0, 1, 2, 6 * 24):
        assert looked(domain, answers + hour * HOUR).state == DomainState.VERIFIED

    assert (domain.failing_since, domain.missing_since) == (NOW + DAY, answers)
    assert domains.counts_until(domain) == answers + domains.GRACE
    assert told() == ["dana: The proof for kestrel.example is missing"]
    assert "Since 12 October" in mail.outbox[0].body
    assert looked(domain, answers + domains.GRACE).state == DomainState.LAPSED


def test_a_week_after_a_long_silence_never_makes_more_than_a_month(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain
) -> None:
    name_server.troubles[NAME] = "SERVFAIL"
    looked(domain, NOW + DAY)
    name_server.troubles.clear()
    name_server.records.clear()

    assert looked(domain, NOW + 29 * DAY).state == DomainState.VERIFIED
    assert looked(domain, NOW + 31 * DAY).state == DomainState.LAPSED


def test_a_proof_that_has_moved_is_found(
    cast: Cast, name_server: NameServer, web_site: WebSite, domain: AssociatedDomain
) -> None:
    name_server.records.clear()
    name_server.publish(NAME, "A", "127.0.0.1")
    web_site.pages[f"/{FILE_NAME}"] = answer(200, record(domain.token))

    looked(domain, NOW + DAY)

    assert (domain.state, domain.method, domain.trouble) == (DomainState.VERIFIED, DomainMethod.FILE, "")


def test_asking_again_takes_nothing_away(cast: Cast, name_server: NameServer, domain: AssociatedDomain) -> None:
    name_server.troubles[NAME] = "SERVFAIL"

    domains.verify(domain, method="txt", actor=cast.dana, now=NOW + HOUR)
    assert domains.verified(cast.kestrel) == [NAME]
    looked(domain, NOW + HOUR)

    assert domains.verified(cast.kestrel) == [NAME]
    assert domain.trouble == Finding.NO_ANSWER


def test_a_turn_has_an_end(cast: Cast, name_server: NameServer) -> None:
    for name in ("a.example", "b.example"):
        domains.verify(added(cast.kestrel, cast.dana, name), method="txt", actor=cast.dana, now=NOW)

    assert domains.check_due(now=NOW, turn=timedelta()) == 0
    assert domains.check_due(now=NOW) == 2


def test_what_hangs_on_it_stands_in_the_letters(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "domain_consequences", [lambda _account, name: f"31 people of {name} disconnect."])
    name_server.records.clear()
    for hour in (0, 1):
        looked(domain, NOW + DAY + hour * HOUR)
    told()

    text = str(mail.outbox[0].body)
    assert "- 31 people of kestrel.example disconnect." in text
    assert "until 9 October 2026, 09:00 (UTC)" in text
    assert f"/account/profile/domains/{domain.pk}/" in text
    assert domain.token not in text


# ── Removed ─────────────────────────────────────────────────────────────────
def test_a_removed_domain_counts_no_longer(
    cast: Cast, domain: AssociatedDomain, gained: list[Account], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        domains.remove(domain, actor=cast.dana, now=NOW)

    assert domains.verified(cast.kestrel) == []
    assert gained == [cast.kestrel]
    assert AuditEntry.objects.get(action="domain.removed").before == {"state": "verified"}
    with pytest.raises(domains.Gone):
        domains.verify(domain, method="txt", actor=cast.dana, now=NOW)


def test_more_consequences_than_were_read_are_not_carried_out(
    cast: Cast, domain: AssociatedDomain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "domain_consequences", [lambda *_: "32 people would be disconnected.", lambda *_: ""])

    with pytest.raises(domains.ChangedMeanwhile):
        domains.remove(domain, actor=cast.dana, now=NOW, seen=["31 people would be disconnected."])
    domains.remove(domain, actor=cast.dana, now=NOW, seen=["32 people would be disconnected."])

    assert not AssociatedDomain.objects.exists()


def test_verified_domains_of_one_account_alone(
    cast: Cast, name_server: NameServer, domain: AssociatedDomain, django_assert_num_queries: Any
) -> None:
    verified(cast.corvid, cast.mallory, name_server, "corvid.example")
    added(cast.kestrel, cast.dana, "heron.example")

    with django_assert_num_queries(1):
        assert domains.verified(cast.kestrel) == [NAME]
