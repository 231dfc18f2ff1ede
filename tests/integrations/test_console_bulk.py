"""Checking, reminding and disconnecting many people of the console at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.http import HttpResponseRedirect
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit, deleting, job_reports, jobs
from accounts.models import AuditEntry, Job, JobState, Letter, Role, User
from integrations.console import bulk
from integrations.disconnecting import DISCONNECTED
from integrations.models import Connection, State
from tests.cast import Cast, ClientOf, crowd, joined
from tests.integrations.tied import connect, state_of
from tests.integrations.wired import asked, connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


def act(client: Client, do: str, *people: User | str, **more: str) -> HttpResponseRedirect:
    chosen = [str(one.pk) if isinstance(one, User) else one for one in people]
    answer = client.post(reverse("connections_act"), {"do": do, "chosen": chosen, **more})
    assert isinstance(answer, HttpResponseRedirect)
    return answer


def worked() -> Job:
    """The newest job, done by a worker."""
    job = Job.objects.latest("created_at")
    while jobs.work_on(job.pk, now=timezone.now()):
        pass
    job.refresh_from_db()
    assert job.state == JobState.DONE
    return job


def told(job: Job) -> dict[str, tuple[str, str]]:
    return {str(email): (str(state), str(what)) for _, email, state, what in job_reports.report(job)}


# ── Check now ───────────────────────────────────────────────────────────────
def test_check_now_asks_microsoft_for_each_and_says_how_it_stands(
    cast: Cast, client_of: ClientOf, microsoft: Simulator
) -> None:
    connected(cast.alice, microsoft)
    connected(cast.bob, microsoft)
    microsoft.control("POST", "people/bob@kestrel.example/revoke-sessions")
    Connection.objects.update(access_token="", access_expires_at=timezone.now())

    answer = act(client_of(cast.dana), "check", cast.alice, cast.bob, cast.gus)

    job = worked()
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    assert told(job) == {
        "alice@kestrel.example": ("Done", "Connected."),
        "bob@kestrel.example": (
            "Done",
            "Needs reconnecting: The sessions were ended at Microsoft, or the password was changed.",
        ),
        "gus@kestrel.example": ("Nothing to do", "Not connected."),
    }
    assert (state_of(cast.alice), state_of(cast.bob)) == (State.CONNECTED, State.NEEDS_REAUTH)
    assert AuditEntry.objects.get(action=jobs.ENDED).actor == cast.dana


def test_where_there_is_no_access_microsoft_is_not_asked(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    connect([cast.alice], State.NEEDS_REAUTH, reason="inactive")
    before = asked(microsoft)

    act(client_of(cast.dana), "check", cast.alice)

    assert told(worked()) == {
        "alice@kestrel.example": (
            "Nothing to do",
            "Needs reconnecting: The access was not used for 90 days.",
        )
    }
    assert asked(microsoft) == before


def test_a_whole_filter_is_checked_beyond_the_page(cast: Cast, client_of: ClientOf, microsoft: Simulator) -> None:
    many = crowd(cast.kestrel, 60)
    connect(many, State.NEEDS_REAUTH)
    connect([cast.alice], State.BLOCKED_BY_POLICY)

    act(client_of(cast.dana), "check", all="1", state="needs_reauth", q="crowd.example")

    assert sorted(told(worked())) == sorted(person.email for person in many)


@pytest.mark.parametrize("do", ["check", "disconnect"])
def test_what_somebody_began_who_was_deleted_goes_no_further(do: str, cast: Cast, microsoft: Simulator) -> None:
    connect([cast.alice])
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    chosen, now = bulk.named(cast.kestrel, [str(cast.alice.pk)]), timezone.now()
    if do == "check":
        bulk.check(chosen, by=ada, back="/", now=now)
    else:
        jobs.confirm(bulk.prepare_to_disconnect(chosen, by=ada, back="/", now=now), now=now)

    deleting.delete(ada, actor=cast.dana, now=now)

    assert told(worked()) == {"alice@kestrel.example": ("Not done", bulk.NOT_ALLOWED.outcome)}
    assert state_of(cast.alice) == State.CONNECTED


def test_whom_microsoft_asked_to_wait_is_not_asked(cast: Cast, microsoft: Simulator) -> None:
    later = timezone.now() + timedelta(minutes=10)
    waits = {"reason": "too_many_requests", "attempts": 1, "refresh_due_at": later}
    connect([cast.alice], State.DEGRADED, **waits)
    before = asked(microsoft)

    bulk.check(bulk.named(cast.kestrel, [str(cast.alice.pk)]), by=cast.dana, back="/", now=timezone.now())

    assert told(worked()) == {"alice@kestrel.example": ("Nothing to do", bulk.MUST_WAIT.outcome)}
    assert (asked(microsoft), Connection.objects.get().attempts) == (before, 1)


def test_the_page_of_a_job_speaks_of_people(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob], State.NEEDS_REAUTH)

    page = client_of(cast.dana).get(act(client_of(cast.dana), "check", cast.alice, cast.bob).headers["Location"])

    shown = page.content.decode()
    assert "0 of 2 people" in shown and "the report of every person" in shown
    assert "line" not in re.sub(r"<[^>]*>", " ", shown).lower().split()


# ── Remind ──────────────────────────────────────────────────────────────────
def test_only_who_has_something_to_do_is_reminded_and_nobody_twice_a_day(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.NEEDS_REAUTH, reason="inactive")
    connect([cast.bob], State.CONNECTED)
    dana = client_of(cast.dana)

    act(dana, "remind", cast.alice, cast.bob, cast.gus)
    first = told(worked())
    act(dana, "remind", cast.alice)
    second = told(worked())

    nothing = ("Nothing to do", "There is nothing to reconnect.")
    assert first == {
        "alice@kestrel.example": ("Done", "A letter is on its way."),
        "bob@kestrel.example": nothing,
        "gus@kestrel.example": nothing,
    }
    assert second == {"alice@kestrel.example": ("Nothing to do", "Reminded within the last day, or no longer active.")}
    assert [letter.person for letter in Letter.objects.all()] == [cast.alice]


def test_who_has_reconnected_before_the_worker_came_is_not_reminded(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)
    act(client_of(cast.dana), "remind", cast.alice)

    Connection.objects.update(state=State.CONNECTED)

    assert told(worked())["alice@kestrel.example"][0] == "Nothing to do"
    assert not Letter.objects.exists()


# ── Disconnect ──────────────────────────────────────────────────────────────
def test_nothing_is_disconnected_before_it_is_confirmed(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob])
    dana = client_of(cast.dana)

    to_confirm = act(dana, "disconnect", cast.alice, cast.bob, cast.gus).headers["Location"]

    page = dana.get(to_confirm).content.decode()
    assert "Disconnect 2 people?" in page
    assert "alice@kestrel.example" in page
    assert "gus@kestrel.example" not in page
    jobs.work_on(Job.objects.get().pk, now=timezone.now())
    assert state_of(cast.alice) == State.CONNECTED


def test_confirmed_each_is_disconnected_with_the_reason_in_the_audit_log(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice, cast.bob])
    dana = client_of(cast.dana)
    to_confirm = act(dana, "disconnect", cast.alice, cast.bob).headers["Location"]

    answer = dana.post(to_confirm, {"reason": "  Moving to another tenant. "})

    job = worked()
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    assert set(told(job).values()) == {("Done", "Disconnected.")}
    assert set(Connection.objects.values_list("state", "refresh_token", "access_token")) == {("disconnected", "", "")}
    entries = AuditEntry.objects.filter(action=DISCONNECTED)
    assert set(entries.values_list("actor", "reason")) == {(cast.dana.pk, "Moving to another tenant.")}
    assert {audit.sentence(entry) for entry in entries} == {
        "Dana disconnected alice@kestrel.example.",
        "Dana disconnected bob@kestrel.example.",
    }
    assert dana.get(to_confirm).headers["Location"] == reverse("job", args=[job.pk])


def test_an_admin_does_not_disconnect_an_owner(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.dana, cast.alice])
    ada = client_of(joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN))

    to_confirm = act(ada, "disconnect", cast.dana, cast.alice).headers["Location"]
    page = ada.get(to_confirm).content.decode()
    ada.post(to_confirm, {"reason": ""})

    assert "Disconnect 1 person?" in page
    assert "Owners, whom only owners disconnect" in page
    assert told(worked())["dana@kestrel.example"] == ("Not done", "Only owners may disconnect an owner.")
    assert (state_of(cast.dana), state_of(cast.alice)) == (State.CONNECTED, State.DISCONNECTED)


def test_somebody_made_owner_meanwhile_is_spared(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    ada = client_of(joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN))
    to_confirm = act(ada, "disconnect", cast.alice).headers["Location"]
    User.objects.filter(pk=cast.alice.pk).update(role=Role.OWNER)

    ada.post(to_confirm, {"reason": ""})

    assert told(worked())["alice@kestrel.example"][0] == "Not done"
    assert state_of(cast.alice) == State.CONNECTED


@pytest.mark.parametrize("do", ["check", "remind", "disconnect"])
def test_whoever_lost_the_right_meanwhile_does_no_more(
    cast: Cast, client_of: ClientOf, do: str, microsoft: Simulator
) -> None:
    connect([cast.alice], State.NEEDS_REAUTH)
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    browser = client_of(ada)
    address = act(browser, do, cast.alice).headers["Location"]
    if do == "disconnect":
        browser.post(address, {"reason": ""})

    User.objects.filter(pk=ada.pk).update(role=Role.MEMBER)

    assert told(worked())["alice@kestrel.example"] == ("Not done", bulk.NOT_ALLOWED.outcome)
    assert state_of(cast.alice) == State.NEEDS_REAUTH
    assert not Letter.objects.exists()


def test_a_worker_that_died_after_disconnecting_leaves_it_told_as_done(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    dana = client_of(cast.dana)
    dana.post(act(dana, "disconnect", cast.alice).headers["Location"], {"reason": "Gone"})
    job = Job.objects.get()
    row = job.rows.get()

    bulk._disconnect(job, row, now=timezone.now())

    assert told(worked()) == {"alice@kestrel.example": ("Done", "Disconnected.")}
    assert AuditEntry.objects.filter(action=DISCONNECTED).count() == 1


def test_after_an_hour_it_must_be_chosen_again(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    dana = client_of(cast.dana)
    to_confirm = act(dana, "disconnect", cast.alice).headers["Location"]
    Job.objects.update(created_at=timezone.now() - timedelta(hours=1))

    page = dana.post(to_confirm, {"reason": ""}).content.decode()

    assert "begin again" in page
    assert state_of(cast.alice) == State.CONNECTED


def test_with_nobody_to_disconnect_there_is_no_button(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    page = dana.get(act(dana, "disconnect", cast.alice).headers["Location"]).content.decode()

    assert "There is nobody to disconnect" in page
    assert "danger primary" not in page


# ── Strangers and nonsense ──────────────────────────────────────────────────
@pytest.mark.parametrize("do", ["check", "remind", "disconnect"])
def test_people_of_another_account_are_left_alone_and_told_as_not_done(
    cast: Cast, client_of: ClientOf, do: str, microsoft: Simulator
) -> None:
    connect([cast.mallory], State.NEEDS_REAUTH)
    dana = client_of(cast.dana)

    address = act(dana, do, cast.mallory, "nonsense", "0", "9" * 30).headers["Location"]
    if do == "disconnect":
        page = dana.get(address).content.decode()
        assert "Nobody of your account" in page
        assert "mallory" not in page
        dana.post(address, {"reason": ""})

    job = worked()
    assert [line[1:] for line in job_reports.report(job)] == [["", "Not done", "Nobody of your account."]] * 4
    assert state_of(cast.mallory) == State.NEEDS_REAUTH
    assert not Letter.objects.exists()


def test_everybody_chosen_is_everybody_of_ones_own_account(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.mallory, cast.alice])
    dana = client_of(cast.dana)

    dana.post(act(dana, "disconnect", all="1").headers["Location"], {"reason": ""})

    worked()
    assert (state_of(cast.mallory), state_of(cast.alice)) == (State.CONNECTED, State.DISCONNECTED)


def test_another_admins_preparation_is_not_there(cast: Cast, client_of: ClientOf) -> None:
    connect([cast.alice])
    to_confirm = act(client_of(cast.dana), "disconnect", cast.alice).headers["Location"]
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    for other in (ada, cast.mallory):
        assert client_of(other).get(to_confirm).status_code == 404
        assert client_of(other).post(to_confirm, {"reason": ""}).status_code == 404
    assert state_of(cast.alice) == State.CONNECTED


@pytest.mark.parametrize(("do", "people"), [("check", ()), ("remind", ()), ("disconnect", ()), ("erase", ("1",))])
def test_with_nobody_chosen_or_nothing_known_to_do_nothing_begins(
    cast: Cast, client_of: ClientOf, do: str, people: tuple[str, ...]
) -> None:
    answer = act(client_of(cast.dana), do, *people, state="connected", q="a b&c")

    assert answer.headers["Location"] == f"{reverse('connections')}?state=connected&q=a+b%26c"
    assert not Job.objects.exists()


def test_from_the_job_one_comes_back_to_what_one_had_looked_for(cast: Cast, client_of: ClientOf) -> None:
    act(client_of(cast.dana), "check", cast.alice, state="none", q="ali", sort="-answer")

    assert Job.objects.get().back == f"{reverse('connections')}?state=none&q=ali&sort=-answer"


def test_a_very_long_search_is_not_gone_back_to(cast: Cast, client_of: ClientOf) -> None:
    act(client_of(cast.dana), "check", cast.alice, q="ü" * 200)

    assert Job.objects.get().back == reverse("connections")
