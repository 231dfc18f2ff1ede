"""What becomes of a connection: only Microsoft's own *no*, or the settings, ever take one away."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditEntry, User
from integrations import health, reasons, states
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.models import ALIVE, Connection, State, Trouble
from integrations.policy import Obstacle
from tests.cast import Cast
from tests.integrations.tied import connect

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NO = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "trace-1")
THROTTLED = Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, "AADSTS90055", "t", timedelta(minutes=4))
TROUBLE = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, "HTTP 503", "t")
FORBIDDEN = Failure(Outcome.NOT_PERMITTED, Reason.PERMISSION_MISSING, "ErrorAccessDenied", "t")
NO_MAILBOX = Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX, "MailboxNotEnabledForRESTAPI", "t")
OURS = Failure(Outcome.CREDENTIAL_REFUSED, Reason.CREDENTIAL_EXPIRED, "AADSTS7000222", "t")
REJECTED = Failure(Outcome.CREDENTIAL_REFUSED, Reason.REQUEST_REJECTED, "AADSTS900144", "t")
APP_GONE = Failure(Outcome.APP_GONE, Reason.APP_REMOVED, "AADSTS700016", "t")
SIGN_IN, MAILBOX = Trouble.SIGN_IN, Trouble.MAILBOX


def tied(person: User, state: State = State.CONNECTED, **more: Any) -> Connection:
    (made,) = connect([person], state, **{"refresh_due_at": NOW, "connected_at": NOW - DAY, **more})
    return made


def again(connection: Connection) -> Connection:
    return Connection.objects.select_related("user__account").get(pk=connection.pk)


def hears(connection: Connection, failure: Failure, at: datetime = NOW, *, of: Trouble = SIGN_IN) -> Connection:
    states.went_wrong(again(connection), failure, now=at, of=of)
    return again(connection)


def answers(connection: Connection, at: datetime = NOW, *, of: Trouble = SIGN_IN) -> Connection:
    states.went_well(again(connection), now=at, of=of)
    return again(connection)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# ── One failure ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("failure", "of", "state", "trouble"),
    [
        (NO, SIGN_IN, State.NEEDS_REAUTH, Trouble.NONE),
        (THROTTLED, SIGN_IN, State.DEGRADED, SIGN_IN),
        (TROUBLE, SIGN_IN, State.DEGRADED, SIGN_IN),
        (NO_ANSWER, SIGN_IN, State.DEGRADED, SIGN_IN),
        (OURS, SIGN_IN, State.PAUSED, SIGN_IN),
        (REJECTED, SIGN_IN, State.PAUSED, SIGN_IN),
        (APP_GONE, SIGN_IN, State.PAUSED, SIGN_IN),
        (THROTTLED, MAILBOX, State.DEGRADED, MAILBOX),
        (TROUBLE, MAILBOX, State.DEGRADED, MAILBOX),
        (FORBIDDEN, MAILBOX, State.DEGRADED, MAILBOX),
        (NO_MAILBOX, MAILBOX, State.DEGRADED, MAILBOX),
    ],
)
def test_each_outcome_leads_to_its_state(
    failure: Failure, of: Trouble, state: State, trouble: Trouble, alice: User
) -> None:
    connection = hears(tied(alice), failure, of=of)

    assert (connection.state, connection.trouble, connection.reason) == (state, trouble, failure.reason)
    assert (connection.code, connection.trace_id) == (failure.code, failure.trace_id)
    assert (connection.since_at, connection.failed_at) == (NOW, NOW)
    assert bool(connection.refresh_token) == (failure is not NO)
    assert (connection.refresh_due_at is None) == (failure is NO)


def test_what_microsoft_wants_to_see_is_kept_for_the_next_sign_in(alice: User) -> None:
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.MFA_NEEDED, "AADSTS50076", claims='{"access_token":{}}')

    assert hears(tied(alice), failure).claims == '{"access_token":{}}'


@pytest.mark.parametrize(
    ("reason", "code", "said"),
    [
        (Reason.GRANT_UNKNOWN, "AADSTS70000", Reason.LOST_IN_FLIGHT),
        (Reason.GRANT_EXPIRED, "AADSTS70008", Reason.LOST_IN_FLIGHT),
        (Reason.REFUSED, "invalid_grant", Reason.LOST_IN_FLIGHT),
        (Reason.REFUSED, "AADSTS500341", Reason.REFUSED),  # the account was deleted: a number that we do not know
    ],
)
def test_a_token_that_was_spent_by_a_dead_worker_says_so(reason: Reason, code: str, said: Reason, alice: User) -> None:
    connection = tied(alice, interrupted_at=NOW - timedelta(minutes=1))

    assert hears(connection, Failure(Outcome.AUTHORIZATION_LOST, reason, code)).reason == said


def test_a_reason_that_explains_itself_is_not_blamed_on_a_dead_worker(alice: User) -> None:
    assert hears(tied(alice, interrupted_at=NOW), NO).reason == Reason.SESSIONS_REVOKED


def test_a_late_answer_about_an_old_token_undoes_nothing(alice: User) -> None:
    as_read = again(tied(alice))
    Connection.objects.update(token_version=1)

    for failure, of in itertools.product((NO, TROUBLE, OURS, NO_MAILBOX), (SIGN_IN, MAILBOX)):
        assert not states.went_wrong(as_read, failure, now=NOW, of=of)

    assert again(as_read).state == State.CONNECTED


# ── Two things may be in trouble ────────────────────────────────────────────
def test_renewed_access_does_not_end_trouble_with_the_mailbox(alice: User) -> None:
    connection = hears(tied(alice), TROUBLE, of=MAILBOX)

    after = answers(connection, NOW + timedelta(seconds=5))

    assert (after.state, after.trouble, after.reason, after.since_at) == (
        State.DEGRADED,
        MAILBOX,
        Reason.SERVICE_TROUBLE,
        NOW,
    )
    assert after.refresh_due_at == connection.refresh_due_at
    assert answers(after, NOW + timedelta(minutes=1), of=MAILBOX).state == State.CONNECTED


def test_a_mailbox_that_answers_does_not_end_trouble_with_the_sign_in(alice: User) -> None:
    connection = hears(tied(alice), TROUBLE)

    after = answers(connection, NOW + timedelta(minutes=1), of=MAILBOX)

    assert (after.state, after.last_good_at) == (State.DEGRADED, NOW + timedelta(minutes=1))
    assert answers(after, NOW + timedelta(minutes=2)).state == State.CONNECTED


def test_what_is_paused_stays_paused_whatever_the_mailbox_says(alice: User) -> None:
    connection = hears(tied(alice), OURS)

    assert hears(connection, TROUBLE, NOW + timedelta(minutes=1), of=MAILBOX).state == State.PAUSED
    assert answers(connection, NOW + timedelta(minutes=2), of=MAILBOX).state == State.PAUSED
    assert answers(connection, NOW + timedelta(minutes=3)).state == State.CONNECTED


def test_the_time_of_the_first_trouble_stays_while_its_reasons_change(alice: User) -> None:
    connection = tied(alice)

    for minute, (failure, of) in enumerate([(TROUBLE, MAILBOX), (THROTTLED, MAILBOX), (NO_ANSWER, SIGN_IN)]):
        connection = hears(connection, failure, NOW + timedelta(minutes=minute), of=of)

    assert (connection.since_at, connection.reason, connection.attempts) == (NOW, Reason.NO_ANSWER, 3)
    assert (connection.failed_at, connection.trouble) == (NOW + timedelta(minutes=2), MAILBOX)


@pytest.mark.parametrize(
    ("state", "trouble", "becomes"),
    [
        (State.CONNECTED, Trouble.NONE, None),
        (State.CONNECTING, Trouble.NONE, None),
        (State.DEGRADED, SIGN_IN, State.CONNECTED),
        (State.DEGRADED, Trouble.NONE, State.CONNECTED),
        (State.PAUSED, SIGN_IN, State.CONNECTED),
        (State.DEGRADED, MAILBOX, None),
        (State.NOT_ELIGIBLE, MAILBOX, None),
    ],
)
def test_what_a_refresh_means_is_decided_without_the_database(
    state: State, trouble: Trouble, becomes: State | None
) -> None:
    due = NOW + timedelta(minutes=7)
    row = Connection(state=state, trouble=trouble, since_at=NOW - DAY, refresh_due_at=due, attempts=3)

    columns = states.after_refresh(row, now=NOW)

    assert columns.get("state") == becomes
    assert columns.get("refresh_due_at") == (due if trouble == MAILBOX else None)


def test_a_mailbox_whose_time_has_come_is_asked_after_a_refresh(alice: User) -> None:
    row = tied(alice, State.DEGRADED, trouble=MAILBOX, refresh_due_at=NOW - timedelta(hours=1))

    assert states.after_refresh(row, now=NOW)["refresh_due_at"] == NOW


# ── A mailbox that refuses, and goes on refusing ────────────────────────────
def test_a_mailbox_that_had_answered_and_is_not_there_for_a_day_is_no_passing_trouble(alice: User) -> None:
    connection = hears(tied(alice), NO_MAILBOX, of=MAILBOX)
    before = hears(connection, NO_MAILBOX, NOW + timedelta(hours=23), of=MAILBOX)

    after = hears(connection, NO_MAILBOX, NOW + DAY, of=MAILBOX)

    assert before.state == State.DEGRADED
    assert (after.state, after.refresh_token) == (State.NOT_ELIGIBLE, "sealed")
    assert after.refresh_due_at is not None
    assert after.refresh_due_at <= NOW + DAY + timedelta(days=7)
    assert actions() == ["calendar.mailbox_gone"]


def test_a_permission_that_is_missing_for_a_day_needs_the_person(alice: User) -> None:
    connection = hears(tied(alice), FORBIDDEN, of=MAILBOX)

    after = hears(connection, FORBIDDEN, NOW + DAY, of=MAILBOX)

    assert (after.state, after.reason, after.refresh_token) == (State.NEEDS_REAUTH, Reason.PERMISSION_MISSING, "")
    assert actions() == ["calendar.authorization_lost"]


def test_one_good_answer_of_the_mailbox_begins_the_day_anew(alice: User) -> None:
    connection = hears(tied(alice), FORBIDDEN, of=MAILBOX)
    answers(connection, NOW + timedelta(hours=12), of=MAILBOX)

    assert hears(connection, FORBIDDEN, NOW + DAY, of=MAILBOX).state == State.DEGRADED


def test_long_trouble_that_ends_in_a_refusal_is_not_believed_at_once(alice: User) -> None:
    connection = hears(tied(alice), TROUBLE, of=MAILBOX)

    assert hears(connection, FORBIDDEN, NOW + 3 * DAY, of=MAILBOX).state == State.DEGRADED


# ── No mailbox yet ──────────────────────────────────────────────────────────
def test_without_a_mailbox_the_access_is_kept_and_looked_at_within_a_week(alice: User) -> None:
    connection = hears(tied(alice, State.CONNECTING, connected_at=None), NO_MAILBOX, of=MAILBOX)

    assert (connection.state, connection.refresh_token) == (State.NOT_ELIGIBLE, "sealed")
    assert connection.refresh_due_at is not None
    assert NOW + timedelta(days=5) < connection.refresh_due_at <= NOW + timedelta(days=7)


def test_a_mailbox_that_appears_is_connected(alice: User) -> None:
    connection = tied(alice, State.NOT_ELIGIBLE, trouble=MAILBOX, connected_at=None, reason=Reason.NO_MAILBOX)

    after = answers(connection, NOW, of=MAILBOX)

    assert (after.state, after.reason, after.trouble) == (State.CONNECTED, "", Trouble.NONE)
    assert (after.connected_at, after.last_good_at, after.since_at) == (NOW, NOW, NOW)
    assert actions() == ["calendar.mailbox_found"]


@pytest.mark.parametrize("failure", [TROUBLE, THROTTLED, OURS, APP_GONE, FORBIDDEN, NO_MAILBOX])
@pytest.mark.parametrize("of", [SIGN_IN, MAILBOX])
def test_trouble_while_looking_for_a_mailbox_changes_nothing_but_the_time(
    failure: Failure, of: Trouble, alice: User
) -> None:
    connection = tied(alice, State.NOT_ELIGIBLE, trouble=MAILBOX, reason=Reason.NO_MAILBOX)

    after = hears(connection, failure, of=of)

    assert (after.state, after.reason, after.refresh_token) == (State.NOT_ELIGIBLE, Reason.NO_MAILBOX, "sealed")
    assert after.refresh_due_at is not None
    assert after.refresh_due_at > NOW


def test_access_that_dies_while_there_is_no_mailbox_is_nobodys_letter(
    alice: User, django_capture_on_commit_callbacks: Any, mailoutbox: list[Any]
) -> None:
    connection = tied(alice, State.NOT_ELIGIBLE, trouble=MAILBOX, reason=Reason.NO_MAILBOX)

    with django_capture_on_commit_callbacks(execute=True):
        after = hears(connection, NO)

    assert (after.state, after.refresh_token) == (State.NEEDS_REAUTH, "")
    assert not alice.letters.exists()


# ── Our own credential ──────────────────────────────────────────────────────
def test_all_that_waited_for_our_credential_comes_back_within_minutes_and_not_at_once(cast: Cast) -> None:
    people = [cast.alice, cast.bob, cast.gus, cast.dana]
    later = NOW + timedelta(minutes=50)
    for person in people:
        tied(person, State.PAUSED, reason=Reason.CREDENTIAL_EXPIRED, trouble=SIGN_IN, attempts=7, refresh_due_at=later)

    moved = states.credential_accepted(now=NOW)

    due = list(Connection.objects.values_list("refresh_due_at", flat=True))
    assert moved == 4
    assert all(at is not None and NOW <= at < NOW + states.COME_BACK for at in due)
    assert len(set(due)) == 4
    assert set(Connection.objects.values_list("attempts", flat=True)) == {0}
    assert states.credential_accepted(now=NOW + timedelta(seconds=10)) == 0


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.PAUSED, Reason.APP_REMOVED),
        (State.PAUSED, Reason.KEY_MISSING),
        (State.DEGRADED, Reason.NO_ANSWER),
        (State.CONNECTED, ""),
        (State.NEEDS_REAUTH, Reason.CREDENTIAL_WRONG),
    ],
)
def test_an_accepted_credential_moves_nothing_else(state: State, reason: str, alice: User) -> None:
    later = NOW + timedelta(minutes=50)
    connection = tied(alice, state, reason=reason, refresh_due_at=later)

    assert states.credential_accepted(now=NOW) == 0
    assert again(connection).refresh_due_at == later


# ── An administrator's approval ─────────────────────────────────────────────
def test_who_never_connected_awaits_an_admin(alice: User) -> None:
    connection = states.awaiting_admin(alice, now=NOW, code="AADSTS90094")

    assert connection is not None
    assert (connection.state, connection.reason, connection.code) == (
        State.AWAITING_ADMIN,
        Reason.ADMIN_APPROVAL,
        "AADSTS90094",
    )
    assert states.awaiting_admin(alice, now=NOW + DAY) is not None
    assert again(connection).since_at == NOW, "waiting since the first time"


@pytest.mark.parametrize("state", [State.CONNECTED, State.DEGRADED, State.PAUSED, State.BLOCKED_BY_POLICY])
def test_what_works_does_not_await_anybody(state: State, alice: User) -> None:
    connection = tied(alice, state)

    assert states.awaiting_admin(alice, now=NOW) is None
    assert (again(connection).state, again(connection).refresh_token) == (state, "sealed")


@pytest.mark.parametrize(
    ("state", "connected_at", "is_given", "after"),
    [
        (State.DISCONNECTED, NOW, True, (State.DISCONNECTED, "")),
        (State.NOT_ELIGIBLE, None, True, (State.DISCONNECTED, "")),
        (State.NEEDS_REAUTH, NOW, False, (State.NEEDS_REAUTH, Reason.ADMIN_APPROVAL)),
        (State.NEEDS_REAUTH, NOW, True, (State.NEEDS_REAUTH, Reason.APPROVED)),
    ],
)
def test_what_does_not_work_awaits_and_comes_back_to_what_it_was(
    state: State, connected_at: datetime | None, is_given: bool, after: tuple[str, str], alice: User
) -> None:
    connection = tied(alice, state, granted=["Calendars.Read"], connected_at=connected_at)

    assert states.awaiting_admin(alice, now=NOW) is not None
    waiting = again(connection)
    states.approval_over([alice.pk], now=NOW + DAY, is_given=is_given)

    assert (waiting.state, waiting.refresh_token, waiting.refresh_due_at) == (State.AWAITING_ADMIN, "", None)
    assert (again(connection).state, again(connection).reason) == after
    assert bool(again(connection).object_id) is (state != State.DISCONNECTED), "a lost one keeps its mailbox"


def test_a_mailbox_given_up_is_not_claimed_by_waiting(alice: User, bob: User) -> None:
    mine = tied(alice, State.DISCONNECTED)
    tied(bob, object_id=mine.object_id)

    assert states.awaiting_admin(alice, now=NOW) is not None


def test_the_end_of_an_approval_touches_nobody_who_works(alice: User, bob: User) -> None:
    tied(alice)

    assert states.approval_over([alice.pk, bob.pk], now=NOW) == 0
    assert Connection.objects.get().state == State.CONNECTED


# ── Any order of anything ───────────────────────────────────────────────────
PASSING = (THROTTLED, TROUBLE, NO_ANSWER)
EVENTS = (
    [("token", failure) for failure in (*PASSING, OURS, REJECTED, APP_GONE, None)]
    + [("mailbox", failure) for failure in (*PASSING, FORBIDDEN, NO_MAILBOX, None)]
    + [("credential", None)]
)
happenings = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.integers(0, 8 * 60)), min_size=1, max_size=25
)  # and how many minutes later


@given(happenings)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_passing_trouble_takes_a_connection_away(alice: User, days: list[Any]) -> None:
    Connection.objects.all().delete()
    told_before = AuditEntry.objects.filter(action="calendar.authorization_lost").count()  # by earlier examples
    connection, at = tied(alice), NOW
    refused_since: datetime | None = None

    for (about, failure), minutes in days:
        at += timedelta(minutes=minutes)
        of = MAILBOX if about == "mailbox" else SIGN_IN
        was = again(connection)
        if about == "credential":
            states.credential_accepted(now=at)
        elif failure is None:
            answers(connection, at, of=of)
        else:
            hears(connection, failure, at, of=of)
        if about == "mailbox" and was.state not in (State.PAUSED, State.NOT_ELIGIBLE):
            is_no = failure in (FORBIDDEN, NO_MAILBOX)
            refused_since = None if failure is None else (refused_since or at) if is_no else refused_since
        now_it_is = again(connection)

        if now_it_is.state == State.NEEDS_REAUTH:
            assert (failure, about) == (FORBIDDEN, "mailbox"), "only a refusal"
            assert refused_since is not None
            assert at - refused_since >= DAY, "that stood for a day"
            return
        assert now_it_is.refresh_token == "sealed"
        assert now_it_is.refresh_due_at is not None, "somebody comes back to it"
        assert now_it_is.state in (*ALIVE, State.NOT_ELIGIBLE)
        if now_it_is.state == State.CONNECTED:
            assert (now_it_is.reason, now_it_is.trouble, now_it_is.attempts, now_it_is.code) == ("", "", 0, "")
        else:
            assert now_it_is.reason
            assert now_it_is.trouble != Trouble.NONE
        if was.state == State.DEGRADED and was.trouble == MAILBOX and now_it_is.state == State.CONNECTED:
            assert (about, failure) == ("mailbox", None), "only the mailbox ends its trouble"
        if was.state == now_it_is.state:
            assert now_it_is.since_at == was.since_at

    assert AuditEntry.objects.filter(action="calendar.authorization_lost").count() == told_before


@given(st.lists(st.sampled_from([NO, *PASSING, OURS]), max_size=8), st.integers(0, 7))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_no_is_final_and_written_down_once(alice: User, others: list[Failure], place: int) -> None:
    Connection.objects.all().delete()
    before = AuditEntry.objects.filter(action="calendar.authorization_lost").count()
    connection = tied(alice)

    for failure in [*others[:place], NO, *others[place:]]:
        hears(connection, failure)
    answers(connection)
    answers(connection, of=MAILBOX)

    assert again(connection).state == State.NEEDS_REAUTH
    assert AuditEntry.objects.filter(action="calendar.authorization_lost").count() == before + 1


# ── In words ────────────────────────────────────────────────────────────────
WORDLESS = {State.CONNECTED, State.CONNECTING, State.AWAITING_ADMIN}  # the page around them says it


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("reason", [*Reason, *Obstacle, "", "one_of_next_year"])
def test_every_state_has_a_sentence_and_at_most_one_button(state: State, reason: str) -> None:
    connection = Connection(state=state, reason=reason, since_at=NOW, kept_until=NOW + DAY, address="a@b.example")

    words = health.of_connection(connection)

    if state in WORDLESS or (state == State.DISCONNECTED and reason not in list(Obstacle)):
        assert words is None
        return
    assert words is not None
    assert words.says.strip().endswith("."), words.says
    assert words.explains.strip().endswith("."), words.explains
    mends = state in (State.NEEDS_REAUTH, State.NOT_ELIGIBLE)
    assert words.button == (health.RECONNECT if mends else health.WAIT)


@pytest.mark.parametrize("reason", [*Reason, *Obstacle])
def test_every_reason_has_words_for_others(reason: str) -> None:
    assert reasons.in_words(reason)


LOST_REASONS = (
    Reason.SESSIONS_REVOKED, Reason.INACTIVE, Reason.GRANT_EXPIRED, Reason.GRANT_UNKNOWN, Reason.SIGN_IN_TOO_OLD,
    Reason.CONSENT_WITHDRAWN, Reason.PASSWORD_EXPIRED, Reason.ACCOUNT_DISABLED, Reason.ACCOUNT_GONE,
    Reason.ACCOUNT_LOCKED, Reason.MFA_NEEDED, Reason.STEP_UP, Reason.CONDITIONAL_ACCESS, Reason.NOT_ASSIGNED,
    Reason.REFUSED, Reason.LOST_IN_FLIGHT, Reason.PERMISSION_MISSING, Reason.ADMIN_APPROVAL,
)  # fmt: skip
PASSING_REASONS = (
    Reason.TOO_MANY_REQUESTS, Reason.SERVICE_TROUBLE, Reason.NO_ANSWER, Reason.NO_MAILBOX, Reason.TOKEN_REFUSED,
    Reason.PERMISSION_MISSING, Reason.GUEST, Reason.ON_PREMISES,
)  # fmt: skip
PAUSED_REASONS = (Reason.APP_REMOVED, Reason.SERVICE_ABSENT, Reason.TENANT_GONE, Reason.KEY_MISSING)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (State.NEEDS_REAUTH, LOST_REASONS),
        (State.DEGRADED, PASSING_REASONS),
        (State.PAUSED, (*PAUSED_REASONS, Reason.CREDENTIAL_WRONG)),
        (State.NOT_ELIGIBLE, (Reason.NO_MAILBOX, Reason.GUEST, Reason.ON_PREMISES)),
        (State.BLOCKED_BY_POLICY, tuple(Obstacle)),
    ],
)
def test_each_reason_that_leads_to_a_state_has_its_own_sentence(state: State, found: tuple[str, ...]) -> None:
    said = [health.of_connection(Connection(state=state, reason=reason, since_at=NOW)) for reason in found]

    assert len({words.says for words in said if words}) == len(found)
