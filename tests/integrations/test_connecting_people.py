"""Many people at once: a job by parcels, which may die anywhere, and whatever one of a batch may answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import jobs
from accounts.models import Account, AuditEntry, Job, JobState, User
from integrations.models import Connection, State, TenantLink
from integrations.organization import connecting, connecting_job, following, links, probing
from integrations.organization.connecting import Ending, Wish
from tests.cast import FOUNDED
from tests.integrations.followed import followed, how, object_id_of, served, told
from tests.integrations.linked import again, at, carried, standing
from tests.integrations.tied import set_to
from tests.integrations.wired import asked
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 45


@pytest.fixture
def link(kestrel: Account, dana: User, alice: User, bob: User, microsoft: Simulator) -> TenantLink:
    return served(kestrel, microsoft, by=dana)


def crowd(account: Account, number: int, *, first: int = 0) -> list[User]:
    """With addresses of the organization, of whom its directory knows nothing."""
    made: list[User] = User.objects.bulk_create(
        User(account=account, name=f"M{n}", email=f"m{n}@kestrel.example", is_active=True, joined_at=FOUNDED)
        for n in range(first, first + number)
    )
    return made


def shut(microsoft: Simulator) -> None:
    """The directory may not be read: then each address is asked for, whether there is a mailbox or not."""
    at(microsoft, "remove-roles", roles=["User.Read.All"])


def batches(microsoft: Simulator) -> int:
    return sum(line["path"].endswith("$batch") for line in microsoft.control("GET", "log")["entries"])


def of(microsoft: Simulator, person: User) -> dict[str, Any]:
    """What hits their mailbox alone, also within a batch."""
    return {"target": "graph", "path": f"users/{object_id_of(microsoft, person.email)}/calendar*"}


def wishes(microsoft: Simulator, people: Iterable[User]) -> list[Wish]:
    return [Wish(one.pk, object_id_of(microsoft, one.email), one.email) for one in people]


def test_many_are_a_job_with_a_row_for_each(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    crowd(kestrel, CROWD)
    shut(microsoft)

    followed(link)

    job = Job.objects.get()
    assert (job.kind, job.state, job.total, job.done, job.failed) == ("organization.connect", JobState.DONE, 48, 3, 45)
    assert told(job)["alice@kestrel.example"] == "Connected."
    assert told(job)["m7@kestrel.example"] == "No mailbox that can be read."
    assert Connection.objects.filter(account=kestrel, state=State.NOT_ELIGIBLE, reason="no_mailbox").count() == CROWD


def test_whom_the_directory_does_not_know_stands_in_the_report_without_being_asked_for(
    link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    link.domains = ["kestrel.example"]
    everybody = crowd(kestrel, CROWD)

    fresh = followed(link)

    assert fresh.job_id is None  # three mailboxes need no job
    assert fresh.found["no_mailbox"] == len(everybody)
    assert {how(one)[1:] for one in everybody} == {(State.NOT_ELIGIBLE, "no_mailbox")}


def test_a_worker_that_died_before_it_could_say_so_has_connected_nobody_twice(
    link: TenantLink, kestrel: Account, alice: User, microsoft: Simulator
) -> None:
    crowd(kestrel, CROWD)
    shut(microsoft)
    now = timezone.now()
    following.follow(link.pk, now=now)
    job = Job.objects.select_related("account").get()
    first = list(job.rows.order_by("number")[:20])

    connecting_job._parcel(job, first, now=now)  # all but the telling of it
    Job.objects.filter(pk=job.pk).update(claimed_until=now + jobs.CLAIM)  # its claim outlives it
    assert jobs.work_on(job.pk, now=now) is False
    assert Job.objects.get(pk=job.pk).done == 0
    while jobs.work_on(job.pk, now=now + 2 * jobs.CLAIM):
        pass

    ended = Job.objects.get(pk=job.pk)
    assert (ended.state, ended.done, ended.failed) == (JobState.DONE, 3, CROWD)
    entries = AuditEntry.objects.filter(action="calendar.connected_by_organization")
    assert Counter(entries.values_list("about_id", flat=True))[alice.pk] == 1
    assert entries.count() == 3


def test_a_following_that_died_is_taken_up_by_another_worker(link: TenantLink, alice: User) -> None:
    now = timezone.now()
    TenantLink.objects.filter(pk=link.pk).update(claimed_until=now + following.CLAIM, follow_due_at=now)

    following.follow(link.pk, now=now)
    assert how(alice) == ("", "", "")
    assert following.to_follow(now=now) == []
    later = now + 2 * following.CLAIM
    assert following.to_follow(now=later) == [link.pk]
    following.follow(link.pk, now=later)

    assert how(alice)[1] == State.CONNECTED


def test_while_a_job_runs_no_second_one_is_begun(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    crowd(kestrel, CROWD)
    shut(microsoft)
    now = timezone.now()
    following.follow(link.pk, now=now)

    following.follow(link.pk, now=now + timedelta(minutes=5))

    assert Job.objects.filter(kind="organization.connect").count() == 1
    assert again(link).follow_due_at == now + timedelta(minutes=5) + following.SOON


def test_a_job_that_an_admin_stopped_is_not_begun_again_under_their_hands(
    link: TenantLink, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    crowd(kestrel, CROWD)
    shut(microsoft)
    now = timezone.now()
    following.follow(link.pk, now=now)
    jobs.cancel(Job.objects.get(), actor=dana, now=now)

    following.follow(link.pk, now=now + timedelta(minutes=1))
    assert Job.objects.count() == 1
    following.follow(link.pk, now=now + timedelta(hours=1))

    assert Job.objects.count() == 2


def test_what_is_throttled_in_a_batch_is_asked_again_and_nothing_else(
    link: TenantLink, kestrel: Account, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    steps = [{"status": 429, "retry_after": 1}, {"status": 503, "retry_after": 1}]
    microsoft.control("POST", "faults", {**of(microsoft, bob), "count": 2, "steps": steps})

    endings = connecting.connect(link, wishes(microsoft, [alice, bob, dana]), now=timezone.now())

    assert endings == [Ending.CONNECTED] * 3
    assert batches(microsoft) == 3


def test_one_that_does_not_answer_in_time_does_not_keep_the_others(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    busy = [{"status": 429, "retry_after": 600}]
    microsoft.control("POST", "faults", {**of(microsoft, bob), "steps": busy})

    fresh = followed(link)
    assert (how(alice)[1], how(bob)) == (State.CONNECTED, ("", "", ""))
    assert following.to_follow(now=timezone.now() + following.SOON) == [fresh.pk]
    microsoft.control("DELETE", "faults")
    followed(link, after=timedelta(minutes=2))

    assert how(bob)[1] == State.CONNECTED


def test_scoped_out_is_said_at_once_and_ends_with_the_next_probe(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    at(microsoft, "access-policy", kind="deny", people=["bob@kestrel.example"])
    fresh = followed(link)
    assert (how(alice)[1], how(bob)[1:]) == (State.CONNECTED, (State.NOT_ELIGIBLE, "scoped_out"))
    assert fresh.found["scoped_out"] == 1

    at(microsoft, "remove-access-policy")
    probing.again(link, now=timezone.now())
    probing.probe(link.pk, now=timezone.now())

    assert how(bob)[1] == State.CONNECTED


def test_a_link_that_was_ended_meanwhile_connects_nobody(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    asked_for = wishes(microsoft, [alice])
    now = timezone.now()
    links.ended(TenantLink.objects.get(pk=link.pk), actor=None, now=now)

    endings = connecting.connect(link, asked_for, now=now)

    assert endings in ([Ending.NOT_COVERED], [Ending.LATER])
    assert how(alice) == ("", "", "")


def test_who_left_the_settings_meanwhile_is_not_connected(
    link: TenantLink, dana: User, alice: User, bob: User, microsoft: Simulator
) -> None:
    asked_for = wishes(microsoft, [alice, bob])
    set_to("enabled", False, at=alice, by=dana)

    endings = connecting.connect(link, asked_for, now=timezone.now())

    assert endings == [Ending.NOT_COVERED, Ending.CONNECTED]
    assert how(alice) == ("", "", "")


def test_of_two_who_come_to_one_mailbox_together_nobody_takes_the_others(
    link: TenantLink, alice: User, bob: User, microsoft: Simulator
) -> None:
    """As two links, or a consent, could at the same moment."""
    wish = wishes(microsoft, [alice])[0]
    twice = [wish, Wish(bob.pk, wish.object_id, bob.email)]

    connecting.connect(link, twice, now=timezone.now())

    assert Connection.objects.filter(object_id=wish.object_id).count() <= 1


def test_one_token_serves_them_all(link: TenantLink, kestrel: Account, microsoft: Simulator) -> None:
    crowd(kestrel, CROWD)
    shut(microsoft)

    followed(link)
    followed(link, after=timedelta(minutes=2))
    probing.probe(link.pk, now=timezone.now())

    assert asked(microsoft, "client_credentials") == 1


def test_probing_asks_twenty_by_one_request_and_nobody_twice(
    link: TenantLink, kestrel: Account, alice: User, bob: User, dana: User, microsoft: Simulator
) -> None:
    carried(link, [alice, bob, dana], microsoft)
    Connection.objects.update(last_good_at=FOUNDED)
    now = timezone.now()
    TenantLink.objects.update(probe_due_at=now)

    assert probing.to_probe(now=now) == [link.pk]
    assert probing.probe(link.pk, now=now) is False

    assert set(Connection.objects.values_list("last_good_at", flat=True)).isdisjoint({FOUNDED})
    assert again(link).probe_due_at == now + probing.EVERY
    assert again(link).claimed_until is None


def test_a_mailbox_that_is_taken_away_degrades_and_comes_back(
    link: TenantLink, alice: User, microsoft: Simulator
) -> None:
    one = carried(link, [alice], microsoft)[0]
    microsoft.control("POST", "people/alice@kestrel.example/take-mailbox")
    TenantLink.objects.update(probe_due_at=timezone.now())

    probing.probe(link.pk, now=timezone.now())

    assert standing(one)[0] == State.DEGRADED


@pytest.mark.parametrize("number", [5, 500])
def test_following_costs_the_same_few_queries_for_any_number(
    number: int, link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    crowd(kestrel, number)
    followed(link)

    with CaptureQueriesContext(connection) as seen:
        following.follow(link.pk, now=timezone.now() + timedelta(hours=1))

    assert len(seen) <= 26, [query["sql"][:120] for query in seen]


@pytest.mark.parametrize("number", [5, 20])
def test_connecting_costs_the_same_few_queries_for_a_whole_parcel(
    number: int, link: TenantLink, kestrel: Account, microsoft: Simulator
) -> None:
    asked_for = [Wish(one.pk, "", one.email) for one in crowd(kestrel, number)]
    connecting.connect(link, wishes(microsoft, User.objects.filter(email="alice@kestrel.example")), now=timezone.now())
    fresh = again(link)

    with CaptureQueriesContext(connection) as seen:
        connecting.connect(fresh, asked_for, now=timezone.now())

    assert len(seen) <= 12, [query["sql"][:120] for query in seen]
