"""From EWS to Graph: whoever the settings want there is moved once Graph opened the same mailbox, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import job_reports, jobs, vault
from accounts.models import Account, AuditEntry, Job, JobState, Letter, User
from integrations import disconnecting, fitting, states, tokens
from integrations.failures import Failure, Outcome, Reason
from integrations.leaving_ews import crossing, going_back, moving, pasts, sweeping, work
from integrations.leaving_ews.going_back import Returned
from integrations.leaving_ews.moving import Ending
from integrations.leaving_ews.trying import try_graph
from integrations.models import Connection, EwsPast, GraphProspect, Move, Prospect, State
from integrations.preferences import Api
from tests.integrations.holding import again, held
from tests.integrations.leaving import EWS, GRAPH, GRAPH_BY_APP, by_ews, say
from tests.integrations.tied import set_to
from tests.integrations.wired import connected, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(alice: User, dana: User, microsoft: Simulator) -> Connection:
    """Alice's, by EWS; she had agreed to Graph before."""
    return by_ews(alice, microsoft, by=dana)


def worked() -> dict[str, tuple[str, str]]:
    """The newest job, done by a worker: by address what became of it."""
    job = Job.objects.latest("created_at")
    while jobs.work_on(job.pk, now=timezone.now()):
        pass
    job.refresh_from_db()
    assert job.state == JobState.DONE
    return {str(email): (str(state), str(what)) for _, email, state, what in job_reports.report(job)}


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_who_agreed_to_graph_before_is_moved_without_a_step(
    connection: Connection, kestrel: Account, dana: User
) -> None:
    say(GRAPH, at=kestrel, by=dana)

    ending = moving.move(connection.pk, now=timezone.now())

    moved = again(connection)
    assert ending == (Ending.MOVED, "")
    assert (moved.api, moved.state, moved.move) == (Api.GRAPH, State.CONNECTED, Move.UNKNOWN)
    assert (moved.tenant_id, moved.object_id) == (connection.tenant_id, connection.object_id)
    assert (moved.calendar_write, moved.contacts_write) == (False, False)
    assert "Calendars.Read" in moved.granted
    assert ".default" not in moved.granted
    assert "calendar.moved_to_graph" in actions()


def test_what_was_moved_is_refreshed_by_graph_from_then_on(
    connection: Connection, kestrel: Account, dana: User, alice: User
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    moving.move(connection.pk, now=timezone.now())
    version = again(connection).token_version

    tokens.refresh(again(connection), now=timezone.now())

    assert again(connection).token_version == version + 1
    assert again(connection).state == State.CONNECTED


def test_what_it_was_is_kept_sealed_for_the_grace(connection: Connection, kestrel: Account, dana: User) -> None:
    say(GRAPH, at=kestrel, by=dana)
    now = timezone.now()

    moving.move(connection.pk, now=now)

    past = EwsPast.objects.get(connection=connection)
    assert (past.service, past.method, past.address) == ("office_365", "oauth", connection.address)
    assert past.kept_until == now + timedelta(days=7)
    assert vault.open_sealed(past.secret, bound_to=vault.place_of(past, "secret"))


def test_who_never_agreed_to_graph_goes_on_by_ews_and_is_asked_once(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana, agrees_to_graph=False)
    say(GRAPH, at=kestrel, by=dana, is_locked=True)

    endings = [moving.move(connection.pk, now=timezone.now()).ending for _ in range(2)]
    fitting.apply_policy(kestrel, now=timezone.now())

    still = again(connection)
    assert endings == [Ending.ASKED, Ending.ASKED]
    assert (still.api, still.state, still.move) == (Api.EWS, State.CONNECTED, Move.ASKED)
    assert GraphProspect.objects.get().outcome == Prospect.ASKS_PERSON
    letter = Letter.objects.get(kind="calendar.leave_ews")
    assert "press Move to Graph" in letter.text


def test_the_persons_consent_replaces_ews_and_keeps_what_it_was(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana, agrees_to_graph=False)
    say(GRAPH, at=kestrel, by=dana, is_locked=True)
    moving.move(connection.pk, now=timezone.now())

    connected(alice, microsoft)

    assert again(connection).api == Api.GRAPH
    assert EwsPast.objects.get().method == "oauth"


def test_nobody_is_moved_while_the_settings_say_ews(connection: Connection) -> None:
    before = row(Connection, connection.pk)

    ending = moving.move(connection.pk, now=timezone.now()).ending

    assert ending is Ending.NOT_WANTED
    assert row(Connection, connection.pk) == before


def test_trouble_at_microsoft_leaves_everything_as_it_is(
    connection: Connection, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    microsoft.control("POST", "faults", {"target": "graph", "status": 503, "seconds": 60})

    ending = moving.move(connection.pk, now=timezone.now()).ending

    still = again(connection)
    assert ending is Ending.LATER
    assert (still.api, still.state, still.move) == (Api.EWS, State.CONNECTED, Move.READY)
    assert not EwsPast.objects.exists()


def test_another_mailbox_is_never_taken_for_theirs(connection: Connection, kestrel: Account, dana: User) -> None:
    Connection.objects.filter(pk=connection.pk).update(object_id="somebody-else")
    say(GRAPH, at=kestrel, by=dana)

    ending = moving.move(connection.pk, now=timezone.now()).ending

    assert ending is Ending.NOT_ELIGIBLE
    assert again(connection).api == Api.EWS


def test_what_was_ended_while_microsoft_answered_stays_ended(
    connection: Connection, kestrel: Account, dana: User, alice: User
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    read = again(connection)
    tried = try_graph(read, by_organization=False, now=timezone.now())
    assert tried.opened
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    with pytest.raises(crossing.Overtaken):
        crossing.cross(read, tried.opened, now=timezone.now())

    assert again(connection).state == State.DISCONNECTED


def test_the_shut_off_does_not_keep_anybody_from_moving(connection: Connection, kestrel: Account, dana: User) -> None:
    blocked = Failure(Outcome.APP_GONE, Reason.EWS_DISABLED)
    states.went_wrong(connection, blocked, now=timezone.now())
    assert again(connection).state == State.PAUSED
    say(GRAPH, at=kestrel, by=dana, is_locked=True)

    ending = moving.move(connection.pk, now=timezone.now()).ending

    moved = again(connection)
    assert (ending, moved.state, moved.reason) == (Ending.MOVED, State.CONNECTED, "")


def test_the_sweep_moves_everybody_by_a_job_with_a_row_for_each(
    connection: Connection, bob: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    by_ews(bob, microsoft, by=dana, agrees_to_graph=False)
    say(GRAPH, at=kestrel, by=dana)

    sweeping.leave(kestrel.pk, now=timezone.now())
    told = worked()

    assert told["alice@kestrel.example"] == ("Done", "Moved to Graph.")
    assert told["bob@kestrel.example"][1].startswith("Must agree at Microsoft once")


def test_a_sweep_finds_nothing_more_to_do(connection: Connection, kestrel: Account, dana: User) -> None:
    say(GRAPH, at=kestrel, by=dana)
    sweeping.leave(kestrel.pk, now=timezone.now())
    worked()

    sweeping.leave(kestrel.pk, now=timezone.now())

    assert Job.objects.count() == 1


def test_who_was_looked_at_before_the_settings_changed_is_asked_at_once(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    connection = by_ews(alice, microsoft, by=dana, agrees_to_graph=False)
    work.look(kestrel, by=dana, now=timezone.now())
    assert worked()["alice@kestrel.example"][1] == "Must agree at Microsoft once."

    say(GRAPH, at=kestrel, by=dana)
    sweeping.leave(kestrel.pk, now=timezone.now())

    assert worked()["alice@kestrel.example"][1].startswith("Must agree at Microsoft once; asked by e-mail.")
    assert again(connection).move == Move.ASKED
    assert Letter.objects.filter(kind="calendar.leave_ews").count() == 1


def test_new_settings_are_a_new_try_for_whoever_was_held_up_under_the_old_ones(
    alice: User, dana: User, kestrel: Account, microsoft: Simulator
) -> None:
    by_ews(alice, microsoft, by=dana, agrees_to_graph=False)
    say(GRAPH_BY_APP, at=kestrel, by=dana)
    sweeping.leave(kestrel.pk, now=timezone.now())
    assert "Needs consent of the Microsoft 365 admin" in worked()["alice@kestrel.example"][1]

    say(GRAPH, at=kestrel, by=dana)
    sweeping.leave(kestrel.pk, now=timezone.now())

    assert worked()["alice@kestrel.example"][1].startswith("Must agree at Microsoft once; asked by e-mail.")
    assert Job.objects.filter(kind=work.MOVE).count() == 2


def test_a_job_that_was_stopped_is_not_begun_again_at_once(
    connection: Connection, kestrel: Account, dana: User
) -> None:
    say(GRAPH, at=kestrel, by=dana)
    sweeping.leave(kestrel.pk, now=timezone.now())
    jobs.cancel(Job.objects.get(), actor=dana, now=timezone.now())

    sweeping.leave(kestrel.pk, now=timezone.now())

    assert Job.objects.count() == 1
    sweeping.leave(kestrel.pk, now=timezone.now() + timedelta(hours=1))
    assert Job.objects.count() == 2


def test_who_was_asked_is_forgotten_where_the_settings_say_ews_again(
    connection: Connection, kestrel: Account, dana: User
) -> None:
    Connection.objects.filter(pk=connection.pk).update(move=Move.ASKED)

    sweeping.leave(kestrel.pk, now=timezone.now())

    assert again(connection).move == Move.UNKNOWN


# ── Back ────────────────────────────────────────────────────────────────────
@pytest.fixture
def moved(connection: Connection, kestrel: Account, dana: User) -> Connection:
    say(GRAPH, at=kestrel, by=dana)
    moving.move(connection.pk, now=timezone.now())
    return again(connection)


def test_within_the_grace_it_goes_back_once_ews_has_answered(moved: Connection, kestrel: Account, dana: User) -> None:
    say(EWS, at=kestrel, by=dana)

    returned = going_back.go_back(moved.pk, actor=dana, now=timezone.now())

    back = again(moved)
    assert returned == (Returned.BACK, "")
    assert (back.api, back.state, back.granted) == (
        Api.EWS,
        State.CONNECTED,
        ["EWS.AccessAsUser.All", "openid", "profile"],
    )
    assert held(moved)
    assert not EwsPast.objects.exists()
    assert actions()[-1] == "calendar.back_to_ews"


def test_it_does_not_go_back_while_the_settings_say_graph(moved: Connection) -> None:
    returned, _ = going_back.go_back(moved.pk, now=timezone.now())

    assert returned is Returned.NOT_ALLOWED
    assert again(moved).api == Api.GRAPH


def test_it_does_not_go_back_where_ews_no_longer_answers(
    moved: Connection, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    say(EWS, at=kestrel, by=dana)
    microsoft.control("POST", "people/alice@kestrel.example/ews-enabled", {"setting": "false"})

    returned, reason = going_back.go_back(moved.pk, now=timezone.now())

    assert (returned, reason) == (Returned.NO_ANSWER, Reason.EWS_DISABLED)
    assert (again(moved).api, again(moved).state) == (Api.GRAPH, State.CONNECTED)


def test_after_the_grace_there_is_no_way_back(moved: Connection, kestrel: Account, dana: User) -> None:
    say(EWS, at=kestrel, by=dana)
    later = timezone.now() + timedelta(days=8)

    returned, _ = going_back.go_back(moved.pk, now=later)

    assert returned is Returned.NOT_KEPT
    assert pasts.forget_old(now=later) == 1


def test_where_ews_is_locked_again_the_sweep_brings_it_back(moved: Connection, kestrel: Account, dana: User) -> None:
    say(EWS, at=kestrel, by=dana, is_locked=True)
    fitting.apply_policy(kestrel, now=timezone.now())
    assert again(moved).state == State.BLOCKED_BY_POLICY

    sweeping.bring_back(now=timezone.now())

    assert (again(moved).api, again(moved).state) == (Api.EWS, State.CONNECTED)


def test_a_whole_place_is_brought_back_with_a_row_for_each(moved: Connection, kestrel: Account, dana: User) -> None:
    say(EWS, at=kestrel, by=dana)
    work.bring_back(kestrel, [moved.pk], by=dana, now=timezone.now())

    assert worked() == {"alice@kestrel.example": ("Done", "Goes by EWS again.")}


def test_deleting_the_connection_forgets_what_it_was(moved: Connection, alice: User) -> None:
    disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    assert not EwsPast.objects.exists()


def test_with_no_grace_nothing_is_kept(connection: Connection, kestrel: Account, dana: User) -> None:
    set_to("grace", 0, at=kestrel, by=dana)
    say(GRAPH, at=kestrel, by=dana)

    moving.move(connection.pk, now=timezone.now())

    assert again(connection).api == Api.GRAPH
    assert not EwsPast.objects.exists()


# ── Looking ─────────────────────────────────────────────────────────────────
def test_looking_says_of_each_whether_they_could_and_moves_nobody(
    connection: Connection, bob: User, kestrel: Account, dana: User, microsoft: Simulator
) -> None:
    by_ews(bob, microsoft, by=dana, agrees_to_graph=False)

    work.look(kestrel, by=dana, now=timezone.now())
    told = worked()

    assert told["alice@kestrel.example"] == ("Done", "Can be moved without them.")
    assert told["bob@kestrel.example"][1].startswith("Must agree at Microsoft once.")
    assert again(connection).api == Api.EWS
    assert set(GraphProspect.objects.values_list("outcome", flat=True)) == {Prospect.READY, Prospect.ASKS_PERSON}
