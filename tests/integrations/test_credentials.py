"""Our own credential at Microsoft: two that overlap, its end foreseen, its refusal an alarm for the operator alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import signals
from django.conf import settings as of_the_site
from django.core import mail
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEntry, Letter, User
from integrations import alarms, credential_checks, credential_words, credentials, refreshing, tokens
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import app_credentials, msal_apps
from integrations.models import AppCredential, Connection, State
from tests.integrations.holding import again, connection, used_up
from tests.integrations.wired import asked, connected
from tests.own_certificates import file_of
from tests.simulated import Simulator

__all__ = ["connection"]

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = "the-second-secret-of-the-same-application"
REFUSED = Failure(Outcome.CREDENTIAL_REFUSED, Reason.CREDENTIAL_WRONG, "AADSTS7000215", "trace")


def replaced_at_microsoft(microsoft: Simulator, secret: str) -> None:
    """From now on Microsoft knows this secret alone."""
    microsoft.control("POST", f"applications/{microsoft.client_id}/secret", {"secret": secret})


def refreshed(connection: Connection) -> Connection:
    tokens.refresh(used_up(connection), now=timezone.now())
    return again(connection)


def of(name: str) -> AppCredential:
    return AppCredential.objects.get(name=name)


def forget_all() -> None:
    """As a process that has just started."""
    msal_apps.forget()


# ── Two that overlap ────────────────────────────────────────────────────────
def test_where_the_first_is_refused_the_second_is_used_at_once_and_stays(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    replaced_at_microsoft(microsoft, SECOND)

    first, second = refreshed(connection), refreshed(connection)

    assert [one.state for one in (first, second)] == [State.CONNECTED, State.CONNECTED]
    assert second.token_version == connection.token_version + 2
    assert asked(microsoft) == 3, "the refused one was tried once, and not again"
    assert not credentials.is_refused(now=timezone.now())


def test_the_operator_is_told_once_that_the_first_is_refused_and_nobody_else_is(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    replaced_at_microsoft(microsoft, SECOND)
    refreshed(connection)

    for minutes in range(3):
        credential_checks.mind(now=timezone.now() + timedelta(minutes=minutes))

    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    assert mail.outbox[0].subject == "Meridian: Microsoft refuses MICROSOFT_CLIENT_SECRET"
    assert "MICROSOFT_CLIENT_SECRET_2, which is used instead" in mail.outbox[0].body
    assert SECOND not in mail.outbox[0].body
    assert not Letter.objects.exists()


def test_refused_again_after_it_was_mended_is_told_again(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    for known in (SECOND, microsoft.client_secret, SECOND):
        replaced_at_microsoft(microsoft, known)
        credential_checks.check(now=timezone.now())
        credential_checks.mind(now=timezone.now())

    assert [message.subject for message in mail.outbox] == [
        "Meridian: Microsoft refuses MICROSOFT_CLIENT_SECRET",
        "Meridian: Microsoft refuses MICROSOFT_CLIENT_SECRET_2",
        "Meridian: Microsoft refuses MICROSOFT_CLIENT_SECRET",
    ]


def test_a_certificate_takes_over_from_a_secret(
    connection: Connection, microsoft: Simulator, settings: Any, tmp_path: Path
) -> None:
    certificate = file_of(tmp_path / "portal.pem", days=200)
    microsoft.control("POST", f"applications/{microsoft.client_id}/add-certificate", {"pem": certificate})
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")
    settings.MICROSOFT_CLIENT_CERTIFICATE_2 = str(tmp_path / "portal.pem")

    after = refreshed(connection)
    credentials.note_down(now=timezone.now())

    assert after.state == State.CONNECTED
    assert of("MICROSOFT_CLIENT_SECRET").code == "AADSTS7000222"
    used = of("MICROSOFT_CLIENT_CERTIFICATE_2")
    assert (used.is_certificate, used.is_refused, used.accepted_at is None) == (True, False, False)
    assert used.expires_at is not None
    assert used.expires_at - timezone.now() > timedelta(days=199)


def test_consent_goes_on_with_the_second(alice: User, microsoft: Simulator, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    replaced_at_microsoft(microsoft, SECOND)

    assert connected(alice, microsoft).state == State.CONNECTED


def test_a_wrong_redirect_address_is_no_word_about_the_credential(
    alice: User, microsoft: Simulator, settings: Any
) -> None:
    answer = {"error": "invalid_client", "error_codes": [50011], "error_description": "AADSTS50011: The reply address"}
    [only] = app_credentials.of_environment()

    msal_apps.asked_with(only, "kestrel.example", lambda app: answer)

    assert not app_credentials.is_refused(only)


# ── None is accepted ────────────────────────────────────────────────────────
def test_while_none_is_accepted_everything_waits_and_nobody_but_the_operator_hears_of_it(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    replaced_at_microsoft(microsoft, "a-third-one-that-nobody-told-us")
    now = timezone.now()

    paused = refreshed(connection)
    before = asked(microsoft)
    tried = refreshing.refresh_due(now=now + timedelta(hours=2))

    assert credentials.is_refused(now=now)
    assert paused.state == State.PAUSED
    assert paused.refresh_token
    assert (tried, asked(microsoft)) == (0, before)
    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    assert "/operations/" in mail.outbox[0].body
    assert not Letter.objects.exists()
    assert not AuditEntry.objects.filter(action="calendar.authorization_lost").exists()


def test_one_that_was_not_tried_yet_is_no_reason_to_wait(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    app_credentials.refused(app_credentials.of_environment()[0], REFUSED, now=timezone.now())
    alone = credentials.is_refused(now=timezone.now())
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND

    with_another = credentials.is_refused(now=timezone.now())

    assert (alone, with_another) == (True, False)


def test_all_processes_know_what_one_of_them_heard() -> None:
    first = app_credentials.of_environment()[0]
    app_credentials.refused(first, REFUSED, now=NOW)
    credentials.note_down(now=NOW)
    forget_all()

    in_another_process = credentials.is_refused(now=NOW + timedelta(seconds=1))
    app_credentials.accepted(first, now=NOW + timedelta(seconds=2))
    once_accepted = credentials.is_refused(now=NOW + timedelta(seconds=3))

    assert (in_another_process, once_accepted) == (True, False)


def test_what_a_task_heard_is_written_down_when_it_ends() -> None:
    app_credentials.refused(app_credentials.of_environment()[0], REFUSED, now=NOW)

    signals.task_postrun.send(sender=None)

    assert of("MICROSOFT_CLIENT_SECRET").refused_at == NOW


def test_an_answer_that_is_older_than_what_is_known_changes_nothing() -> None:
    first = app_credentials.of_environment()[0]
    app_credentials.refused(first, REFUSED, now=NOW)
    credentials.note_down(now=NOW)
    forget_all()

    app_credentials.accepted(first, now=NOW - timedelta(seconds=5))

    assert credentials.is_refused(now=NOW)


def test_it_is_asked_once_a_minute_whether_microsoft_accepts_it_again(
    connection: Connection, microsoft: Simulator
) -> None:
    replaced_at_microsoft(microsoft, SECOND)
    refreshed(connection)
    credentials.note_down(now=timezone.now())
    begun = timezone.now() + timedelta(minutes=1)

    for seconds in (0, 10, 20, 60):
        forget_all()
        now = begun + timedelta(seconds=seconds)
        credential_checks.probe(now=now)
        # The simulated Microsoft lives in our time, not in the test's.
        AppCredential.objects.filter(refused_at__lt=begun).update(refused_at=now)

    assert asked(microsoft, "client_credentials") == 2
    assert len(mail.outbox) == 1, "the alarm is once an hour"


def test_once_it_is_accepted_again_all_comes_back_within_minutes(
    connection: Connection, bob: User, microsoft: Simulator
) -> None:
    both = [connection, used_up(connected(bob, microsoft))]
    microsoft.control("POST", f"applications/{microsoft.client_id}/expire-secrets")
    for one in both:
        refreshed(one)
    paused = [again(one).state for one in both]
    replaced_at_microsoft(microsoft, microsoft.client_secret)

    later = timezone.now() + timedelta(minutes=2)
    credential_checks.mind(now=later)
    refreshing.refresh_due(now=later + timedelta(minutes=10))

    assert paused == [State.PAUSED, State.PAUSED]
    assert [again(one).state for one in both] == [State.CONNECTED, State.CONNECTED]


def test_it_is_asked_however_long_ago_it_was_refused(connection: Connection, microsoft: Simulator) -> None:
    app_credentials.refused(app_credentials.of_environment()[0], REFUSED, now=timezone.now() - timedelta(days=3))

    credential_checks.mind(now=timezone.now())

    assert not credentials.is_refused(now=timezone.now())


def test_what_comes_back_is_not_put_off_by_the_next_minute(connection: Connection, microsoft: Simulator) -> None:
    Connection.objects.update(state=State.PAUSED, reason=Reason.CREDENTIAL_EXPIRED, refresh_due_at=NOW)
    app_credentials.accepted(app_credentials.of_environment()[0], now=NOW)

    due = []
    for minutes in range(3):
        credential_checks.mind(now=NOW + timedelta(minutes=minutes))
        due.append(again(connection).refresh_due_at)

    assert due == [NOW, NOW, NOW]


def test_a_directory_that_allows_no_applications_still_shows_that_we_are_believed(
    connection: Connection, microsoft: Simulator
) -> None:
    microsoft.control("POST", "faults", {"target": "token", "aadsts": 53003, "seconds": 60})
    app_credentials.refused(app_credentials.of_environment()[0], REFUSED, now=NOW)

    assert credential_checks.probe(now=NOW + timedelta(minutes=5))


# ── The end comes nearer ────────────────────────────────────────────────────
def passing_days(settings: Any, ends: datetime, days: list[float]) -> list[str]:
    """What is mailed, hour for hour as it were, so many days before the end."""
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = ends
    for left in days:
        credentials.look_after(now=ends - timedelta(days=left))
    return [str(message.subject).removeprefix("Meridian: MICROSOFT_CLIENT_SECRET ") for message in mail.outbox]


def test_the_operator_is_told_at_60_30_7_and_1_days_and_once_it_is_over(settings: Any) -> None:
    ends = datetime(2027, 5, 31, tzinfo=UTC)

    told = passing_days(settings, ends, [200, 61, 60, 59.5, 45, 30, 29, 8, 7, 6.9, 3, 1, 0.5, 0, -0.1, -1, -400])

    assert told == ["expires in 60 days", "expires in 30 days", "expires in 7 days", "expires in 1 day", "has expired"]
    assert all(message.to == ["operator@meridian.example"] for message in mail.outbox)
    assert of_the_site.MICROSOFT_CLIENT_SECRET not in "".join(str(message.body) for message in mail.outbox)


def test_found_late_it_is_told_once_with_the_days_that_are_left(settings: Any) -> None:
    told = passing_days(settings, datetime(2027, 5, 31, tzinfo=UTC), [5, 4.9, 4])

    assert told == ["expires in 5 days"]


@pytest.mark.parametrize("change", ["another secret", "another date"])
def test_what_is_replaced_or_corrected_starts_anew(settings: Any, change: str) -> None:
    ends = datetime(2027, 5, 31, tzinfo=UTC)
    passing_days(settings, ends, [7])
    mail.outbox.clear()

    if change == "another secret":
        settings.MICROSOFT_CLIENT_SECRET = SECOND
    told = passing_days(settings, ends + timedelta(days=365), [300, 60])

    assert told == ["expires in 60 days"]


def test_each_of_two_has_a_countdown_of_its_own_that_names_the_other(settings: Any, tmp_path: Path) -> None:
    file_of(tmp_path / "portal.pem", days=25)
    settings.MICROSOFT_CLIENT_CERTIFICATE_2 = str(tmp_path / "portal.pem")
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = timezone.now() + timedelta(days=5)

    credentials.look_after(now=timezone.now())
    credentials.look_after(now=timezone.now())

    assert [message.subject for message in mail.outbox] == [
        "Meridian: MICROSOFT_CLIENT_SECRET expires in 5 days",
        "Meridian: MICROSOFT_CLIENT_CERTIFICATE_2 expires in 25 days",
    ]
    assert "From then on MICROSOFT_CLIENT_CERTIFICATE_2 is used" in mail.outbox[0].body


def test_without_an_end_nothing_is_counted(settings: Any) -> None:
    credentials.look_after(now=NOW)

    assert mail.outbox == []
    assert of("MICROSOFT_CLIENT_SECRET").told_days is None


def test_what_no_mail_server_took_is_said_again(settings: Any) -> None:
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = NOW + timedelta(days=20)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "localhost",
        9,
    )

    credentials.look_after(now=NOW)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    credentials.look_after(now=NOW + timedelta(hours=1))

    assert [message.subject for message in mail.outbox] == ["Meridian: MICROSOFT_CLIENT_SECRET expires in 20 days"]


@given(left=st.floats(min_value=-500, max_value=500, allow_nan=False))
def test_the_words_for_the_days_agree_with_the_calendar(left: float) -> None:
    ends = NOW + timedelta(days=left)

    says = credential_words.how_long(ends, now=NOW)

    days = (ends.date() - NOW.date()).days
    assert (says == "today") is (days == 0)
    assert says.startswith("in ") is (days > 0)
    assert says.endswith(" ago") is (days < 0)


# ── Tried on purpose ────────────────────────────────────────────────────────
def test_a_check_that_was_asked_for_is_made_once_and_says_what_came_of_it(
    connection: Connection, microsoft: Simulator
) -> None:
    credential_checks.want(now=NOW)
    credential_checks.check_wanted(now=NOW + timedelta(seconds=1))
    credential_checks.check_wanted(now=NOW + timedelta(seconds=2))

    row = of("MICROSOFT_CLIENT_SECRET")
    assert row.checked_at == NOW + timedelta(seconds=1)
    assert (row.check_reason, row.is_refused, row.accepted_at is None) == ("", False, False)
    assert asked(microsoft, "client_credentials") == 1


def _nobody_connected(microsoft: Simulator) -> None:
    Connection.objects.all().delete()


def _gone_from_the_directory(microsoft: Simulator) -> None:
    microsoft.control("POST", f"applications/{microsoft.client_id}/tenants/kestrel.example/remove")


def _no_answer(microsoft: Simulator) -> None:
    microsoft.control("POST", "faults", {"target": "token", "status": 503, "seconds": 60})


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (_nobody_connected, credential_words.NO_DIRECTORY),
        (_gone_from_the_directory, Reason.APP_REMOVED),
        (_no_answer, Reason.SERVICE_TROUBLE),
    ],
)
def test_what_could_not_be_judged_is_neither_a_yes_nor_a_no(
    happened: Callable[[Simulator], None], reason: str, connection: Connection, microsoft: Simulator
) -> None:
    happened(microsoft)
    AppCredential.objects.all().delete()
    app_credentials.forget()

    refusals = credential_checks.check(now=NOW)

    row = of("MICROSOFT_CLIENT_SECRET")
    assert (refusals, row.check_reason, row.accepted_at, row.refused_at) == ([], reason, None, None)
    assert credential_words.why_unjudged(row.check_reason).startswith("Not judged: ")


def test_a_configured_directory_is_the_one_that_is_asked(settings: Any, microsoft: Simulator) -> None:
    settings.MICROSOFT_TENANT = "kestrel.example"

    credential_checks.check(now=NOW)

    assert of("MICROSOFT_CLIENT_SECRET").accepted_at is not None


# ── A worker starts ─────────────────────────────────────────────────────────
def test_a_worker_that_starts_with_all_in_order_mails_nobody(connection: Connection, microsoft: Simulator) -> None:
    credential_checks.at_start(now=timezone.now())

    assert mail.outbox == []
    assert of("MICROSOFT_CLIENT_SECRET").accepted_at is not None


def test_a_worker_that_starts_counts_the_days_at_once(
    connection: Connection, microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES = timezone.now() + timedelta(days=5)

    for _ in range(2):
        credential_checks.at_start(now=timezone.now())

    assert [message.subject for message in mail.outbox] == ["Meridian: MICROSOFT_CLIENT_SECRET expires in 5 days"]


def test_a_worker_that_starts_with_a_secrets_id_alarms_at_once_whatever_microsoft_says(
    microsoft: Simulator, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "4c0c1f5a-0b6e-4a57-9f5d-0f6f2a3f8f10"

    for _ in range(3):
        credential_checks.at_start(now=timezone.now())

    assert [message.to for message in mail.outbox] == [["operator@meridian.example"]]
    assert "copy the one named Value" in mail.outbox[0].body
    assert settings.MICROSOFT_CLIENT_SECRET not in mail.outbox[0].body


def test_a_worker_that_starts_with_a_refused_secret_alarms_before_a_person_meets_it(
    connection: Connection, microsoft: Simulator
) -> None:
    replaced_at_microsoft(microsoft, SECOND)

    credential_checks.at_start(now=timezone.now())

    assert [message.subject for message in mail.outbox] == ["Meridian: Microsoft refuses this portal’s own credential"]
    assert credentials.is_refused(now=timezone.now())
    assert again(connection).state == State.CONNECTED


def test_a_worker_that_starts_without_the_way_to_microsoft_says_what_is_in_the_way(settings: Any) -> None:
    settings.MICROSOFT_AUTHORITY_HOST = "https://localhost:9"

    credential_checks.at_start(now=timezone.now())

    assert "no connection" in mail.outbox[0].body


# ── The alarm ───────────────────────────────────────────────────────────────
def test_without_redis_too_the_alarm_is_once_an_hour(settings: Any) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}
    }
    alarms.forget()

    for _ in range(5):
        credentials.alarm(REFUSED)

    assert len(mail.outbox) == 1
    alarms.forget()


def test_an_alarm_says_the_cause_in_words() -> None:
    credentials.alarm(REFUSED)

    assert "The client secret is wrong" in mail.outbox[0].body
    assert "AADSTS7000215" in mail.outbox[0].body
