"""Every state of a connection, step by step, and the one thing that helps."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import letters, vault
from accounts.models import AuditEntry, Role, User
from integrations import diagnosis, health, incidents, states, telling
from integrations.diagnosis import Mark, Part, asked, bundle
from integrations.diagnosis.remedies import Who
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import app_credentials
from integrations.models import AppCredential, Connection, ConsentRequest, State, Trouble
from integrations.policy import Obstacle
from tests.cast import Cast, ClientOf, crowd, joined
from tests.integrations.holding import used_up
from tests.integrations.tied import connect, set_to
from tests.integrations.wired import connected
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db

NOW = timezone.now
SECRETS = ("refresh_token", "access_token", "claims")


def one(person: User, state: str = State.CONNECTED, **more: Any) -> Connection:
    """A connection of `person`, as it is when all was well before."""
    now = NOW()
    usual = {"connected_at": now - timedelta(days=400), "last_good_at": now, "refreshed_at": now}
    [connection] = connect([person], state, **{**usual, **more})
    return connection


def marks(connection: Connection, reader: User) -> dict[Part, Mark]:
    found = diagnosis.steps(diagnosis.read(connection, reader=reader, now=NOW()))
    return {step.part: step.mark for step in found}


def said(connection: Connection, reader: User) -> str:
    case = diagnosis.read(connection, reader=reader, now=NOW())
    return strip_tags(diagnosis.helps(case).says)


def noted(*, refused: bool = False, expires_in: int | None = 214) -> None:
    """How Microsoft last answered our own credential."""
    now = NOW()
    for one in app_credentials.of_environment():
        AppCredential.objects.create(
            fingerprint=one.fingerprint,
            name=one.name,
            expires_at=now + timedelta(days=expires_in, hours=1) if expires_in is not None else None,
            seen_at=now,
            accepted_at=None if refused else now,
            refused_at=now if refused else None,
            reason=Reason.CREDENTIAL_EXPIRED if refused else "",
        )


# ── The steps ───────────────────────────────────────────────────────────────
D, F, S, U = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.UNKNOWN


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        (State.CONNECTED, {}, (D, D, D, D, D, D)),
        (State.CONNECTED, {"refreshed_at": None, "last_good_at": None}, (D, D, D, D, U, U)),
        (State.CONNECTED, {"withheld": ["contacts_write"]}, (D, D, D, F, D, D)),
        (State.CONNECTING, {"connected_at": None}, (D, D, D, U, S, S)),
        (State.DEGRADED, {"trouble": Trouble.SIGN_IN, "reason": Reason.NO_ANSWER}, (D, D, D, D, F, S)),
        (State.DEGRADED, {"trouble": Trouble.MAILBOX, "reason": Reason.NO_ANSWER}, (D, D, D, D, D, F)),
        (State.PAUSED, {"reason": Reason.CREDENTIAL_WRONG}, (D, D, F, D, S, S)),
        (State.PAUSED, {"reason": Reason.APP_REMOVED}, (D, D, D, D, F, S)),
        (State.NEEDS_REAUTH, {"reason": Reason.SESSIONS_REVOKED, "code": "AADSTS50173"}, (D, D, D, D, F, S)),
        (State.NOT_ELIGIBLE, {"reason": Reason.NO_MAILBOX, "trouble": Trouble.MAILBOX}, (D, D, D, D, D, F)),
        (State.AWAITING_ADMIN, {"reason": Reason.ADMIN_APPROVAL}, (D, D, D, F, S, S)),
        (State.DISCONNECTED, {}, (D, D, D, S, S, S)),
    ],
)
def test_each_state_step_by_step(
    state: State, more: dict[str, Any], expected: tuple[Mark, ...], dana: User, alice: User
) -> None:
    noted()

    found = marks(one(alice, state, **more), dana)

    assert tuple(found.values()) == expected


def test_a_switch_that_is_off_stops_the_first_step_and_names_the_place(dana: User, alice: User) -> None:
    connection = one(alice)
    set_to("enabled", False, at=alice.account, by=dana, is_locked=True)

    first, second, *_ = diagnosis.steps(diagnosis.read(connection, reader=dana, now=NOW()))

    assert (first.mark, first.says) == (Mark.FAILED, "Integration is off for Alice")
    assert "locked at" in first.explains and reverse("account_settings_page", args=["mail-calendar"]) in first.explains
    assert second.mark == Mark.SKIPPED
    assert Connection.objects.get().state == State.BLOCKED_BY_POLICY


def test_a_refused_credential_fails_for_everybody_whatever_their_state(dana: User, alice: User) -> None:
    noted(refused=True)
    connection = one(alice, State.NEEDS_REAUTH, reason=Reason.SESSIONS_REVOKED)

    assert marks(connection, dana)[Part.CREDENTIAL] == Mark.FAILED
    assert said(connection, dana).startswith("First the people who run Meridian")


def test_of_a_credential_nobody_has_used_yet_nothing_is_claimed(dana: User, alice: User) -> None:
    assert marks(one(alice), dana)[Part.CREDENTIAL] == Mark.UNKNOWN


@pytest.mark.parametrize(
    ("days", "words"),
    [(214, "expires in 214 days."), (1, "expires in 1 day."), (-2, "past its end."), (None, "is not known here.")],
)
def test_it_says_when_our_credential_expires(days: int | None, words: str, dana: User, alice: User) -> None:
    noted(expires_in=days)

    credential = diagnosis.steps(diagnosis.read(one(alice), reader=dana, now=NOW()))[2]

    assert credential.explains.endswith(words)


# ── What helps ──────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_every_state_with_every_reason_has_a_page_that_names_one_thing_that_helps(
    state: State, dana: User, alice: User, client_of: ClientOf
) -> None:
    browser, connection = client_of(dana), one(alice, state)
    for number, reason in enumerate(["", *Reason, *Obstacle, "something new"]):
        trouble = Trouble.values[number % len(Trouble.values)]
        Connection.objects.update(state=state, reason=reason, trouble=trouble)

        answer = browser.get(reverse("connection_diagnose", args=[connection.pk]))

        assert answer.status_code == 200, reason
        [helps] = re.findall("<dt>What helps</dt><dd>(.+?)</dd>", answer.content.decode())
        assert strip_tags(helps).endswith(".") and "{" not in helps, (reason, helps)


def test_whoever_lost_the_authorization_is_never_told_to_wait(dana: User, alice: User) -> None:
    for reason in (*Reason, "something new"):
        assert who_helps(State.NEEDS_REAUTH, reason, dana, alice) in (Who.PERSON, Who.MICROSOFT_ADMIN), reason


@pytest.mark.parametrize("state", [State.DEGRADED, State.PAUSED])
def test_nobody_is_sent_to_reconnect_for_passing_trouble(state: State, dana: User, alice: User) -> None:
    for reason in (*Reason, "something new"):
        assert who_helps(state, reason, dana, alice) != Who.PERSON, reason


def who_helps(state: State, reason: str, reader: User, person: User) -> Who:
    Connection.objects.filter(user=person).delete()
    case = diagnosis.read(one(person, state, reason=reason), reader=reader, now=NOW())
    return diagnosis.helps(case).who


def test_what_stands_before_reconnecting_comes_first(dana: User, alice: User) -> None:
    connection = one(alice, State.NEEDS_REAUTH, reason=Reason.INACTIVE)
    assert said(connection, dana) == "Alice presses Reconnect on the profile. Nothing else does."

    set_to("enabled", False, at=alice.account, by=dana)
    assert said(connection, dana).startswith("First an admin of this account allows it")

    User.objects.filter(pk=alice.pk).update(is_active=False)
    connection = Connection.objects.select_related("user__account").get()
    assert said(connection, dana).startswith("First an admin of this account reactivates Alice")


# ── The page ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("code", "word"), [("AADSTS700016", "Reconnect"), ("AADSTS7000112", "comes back by itself")])
def test_a_removed_application_is_approved_anew_and_a_switched_off_one_comes_back(
    code: str, word: str, alice: User, dana: User
) -> None:
    paused = one(alice, State.PAUSED, reason=Reason.APP_REMOVED, code=code)

    words = health.of_connection(paused)

    assert word in said(paused, dana)
    assert words and (words.button == health.RECONNECT) is (word == "Reconnect")


def test_one_credential_that_was_not_tried_yet_is_no_refusal(alice: User, dana: User, settings: Any) -> None:
    noted(refused=True)
    settings.MICROSOFT_CLIENT_SECRET_2 = "the-second-secret-of-the-same-application"

    assert marks(one(alice), dana)[Part.CREDENTIAL] is U


def test_contacts_that_were_not_given_are_not_said_to_be_read(alice: User, dana: User) -> None:
    case = diagnosis.read(one(alice, withheld=["contacts_read"]), reader=dana, now=NOW())

    says = {step.part: strip_tags(step.explains) for step in diagnosis.steps(case)}

    assert "Contacts: none" in says[Part.POLICY]


def page_of(connection: Connection, client_of: ClientOf, reader: User) -> str:
    return client_of(reader).get(reverse("connection_diagnose", args=[connection.pk])).content.decode()


def test_it_says_what_was_told_and_what_to_quote(cast: Cast, client_of: ClientOf) -> None:
    connection = one(cast.alice)
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "7f3c19ab-trace")
    states.went_wrong(connection, failure, now=NOW())
    letters.send_waiting(now=NOW())

    page = page_of(connection, client_of, cast.dana)

    assert "By e-mail" in page and "Reconnect your calendar to Meridian" in page
    assert "7f3c19ab-trace" in page and "AADSTS50173. The sessions were ended at Microsoft" in page
    assert "is no longer accepted." in page  # the history


def test_a_reminder_is_sent_once_a_day(cast: Cast, client_of: ClientOf) -> None:
    connection = one(cast.alice, State.NEEDS_REAUTH, reason=Reason.INACTIVE)
    browser, remind = client_of(cast.dana), reverse("connection_remind", args=[connection.pk])

    first = browser.post(remind, follow=True).content.decode()
    second = browser.post(remind, follow=True).content.decode()

    assert "Alice gets an e-mail with a link to reconnect." in first
    assert "was reminded within a day" in second
    assert cast.alice.letters.filter(kind=telling.REMINDER).count() == 1


def test_of_many_in_trouble_it_says_not_only_this_one(cast: Cast, client_of: ClientOf) -> None:
    connect(crowd(cast.kestrel, 8), State.DEGRADED, reason=Reason.NO_ANSWER)
    connection = one(cast.alice, State.DEGRADED, reason=Reason.NO_ANSWER)
    incidents.watch(now=NOW())

    assert "Not only this one: 9 of 9 connections at once." in page_of(connection, client_of, cast.dana)


@pytest.mark.parametrize("number", [5, 500])
def test_it_costs_the_same_whatever_the_size_of_the_account(
    number: int, cast: Cast, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    connect(crowd(cast.kestrel, number, group=cast.sales), State.DEGRADED, reason=Reason.NO_ANSWER)
    connection = one(cast.alice, State.DEGRADED, reason=Reason.NO_ANSWER)
    browser, address = client_of(cast.dana), reverse("connection_diagnose", args=[connection.pk])
    browser.get(address)

    with django_assert_num_queries(QUERIES):
        browser.get(address)


QUERIES = 14  # of them three for whoever reads and for the frame of the page


def test_an_admin_does_not_diagnose_an_owner(cast: Cast, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    connection = one(cast.dana)

    answer = client_of(ada).get(reverse("connection_diagnose", args=[connection.pk]))

    assert answer.status_code == 403


# ── Check now ───────────────────────────────────────────────────────────────
def test_while_a_worker_checks_the_page_asks_again_and_then_loads_anew(cast: Cast, client_of: ClientOf) -> None:
    connection = one(cast.alice)
    browser, address = client_of(cast.dana), reverse("connection_diagnose", args=[connection.pk])

    asked.ask(connection, now=NOW())
    waiting = browser.get(address, headers={"HX-Request": "true"})
    asked._write(connection.pk, {"at": NOW(), "found_at": NOW(), "says": "The mailbox answered.", "is_fine": True})
    done = browser.get(address, headers={"HX-Request": "true"})

    assert "A worker asks Microsoft now." in waiting.content.decode() and "<html" not in waiting.content.decode()
    assert done.headers["HX-Refresh"] == "true"
    assert "The mailbox answered." in page_of(connection, client_of, cast.dana)


def test_without_a_worker_it_says_so_and_gives_up(cast: Cast) -> None:
    connection, now = one(cast.alice), NOW()

    asked.ask(connection, now=now)

    found = [asked.latest(connection, now=now + timedelta(seconds=after)) for after in (1, 31, 301)]
    assert [(one.is_waiting, one.is_silent) for one in found if one] == [(True, False), (True, True), (False, True)]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_checks_files_what_it_finds_and_says_it(
    cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    connection = connected(cast.alice, microsoft)
    asked.carry_out(connection.pk, now=NOW())
    fine = asked.latest(connection, now=NOW())

    microsoft.control("POST", "people/alice@kestrel.example/revoke-sessions")
    asked.carry_out(used_up(connection).pk, now=NOW())
    lost = asked.latest(connection, now=NOW())

    assert fine is not None and (fine.is_fine, fine.says) == (True, "The mailbox answered.")
    assert lost is not None and not lost.is_fine
    assert lost.says in html.unescape(page_of(connection, client_of, cast.dana))
    assert Connection.objects.get().state == State.NEEDS_REAUTH


def test_somebody_who_was_deleted_meanwhile_is_no_crash(cast: Cast) -> None:
    asked.carry_out(4711, now=NOW())

    found = asked.latest(Connection(pk=4711), now=NOW())

    assert found is not None and not found.is_fine


@pytest.mark.parametrize("state", [state for state in State if state not in asked.CHECKABLE])
def test_without_access_there_is_nothing_to_check_with(state: State, cast: Cast, client_of: ClientOf) -> None:
    connection = one(cast.alice, state)
    if state == State.BLOCKED_BY_POLICY:
        set_to("enabled", False, at=cast.kestrel, by=cast.dana)
    browser = client_of(cast.dana)

    answer = browser.post(reverse("connection_check", args=[connection.pk]), follow=True)

    assert "There is nothing to check with" in answer.content.decode()
    assert "Check now" not in answer.content.decode()
    assert asked.latest(connection, now=NOW()) is None


# ── The support bundle ──────────────────────────────────────────────────────
def bundle_of(connection: Connection, client_of: ClientOf, reader: User) -> str:
    answer = client_of(reader).get(reverse("connection_bundle", args=[connection.pk]))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return answer.content.decode()


def test_the_bundle_holds_what_support_needs(cast: Cast, client_of: ClientOf) -> None:
    noted()
    connection = one(cast.alice)
    failure = Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED, "AADSTS50173", "7f3c19ab-trace")
    states.went_wrong(connection, failure, now=NOW())

    found = json.loads(bundle_of(connection, client_of, cast.dana))

    assert found["connection"]["state"] == "needs_reauth"
    assert (found["connection"]["code"], found["connection"]["trace_id"]) == ("AADSTS50173", "7f3c19ab-trace")
    assert [step["result"] for step in found["steps"]] == ["done", "done", "done", "done", "failed", "skipped"]
    assert found["settings"]["enabled"] == {
        "value": True,
        "from": "default",
        "from_id": None,
        "decided_at": None,
        "is_locked": False,
    }
    assert found["history"][0]["action"] == "calendar.authorization_lost"
    assert found["versions"]["msal"] and found["letters"][0]["kind"] == "calendar.lost"


def test_the_bundle_holds_no_secret_and_nobody_elses_data(cast: Cast, client_of: ClientOf) -> None:
    set_to("enabled", True, at=cast.sales, by=cast.gus, is_locked=True)
    connection, other = one(cast.alice, claims='{"a secret": "wish"}'), one(cast.bob)
    for one_of in (connection, other):
        sealed = {
            name: vault.seal(f"{name} in the clear", bound_to=f"integrations_connection:{name}:{one_of.pk}")
            for name in SECRETS
        }
        Connection.objects.filter(pk=one_of.pk).update(**sealed, state=State.CONNECTED)
    consent = ConsentRequest.objects.create(
        user=cast.alice,
        state_digest="digest-of-the-state",
        browser_digest="digest-of-the-browser",
        calendar_write=True,
        contacts_write=True,
        created_at=NOW(),
        expires_at=NOW(),
        flow="the sealed flow",
        answer="the sealed answer",
        tokens="the sealed tokens",
    )
    connection.refresh_from_db()

    text = bundle_of(connection, client_of, cast.dana)
    page = page_of(connection, client_of, cast.dana)

    assert str(consent.pk) in text
    sealed_columns = [getattr(connection, name) for name in SECRETS]
    sealed_columns += [consent.flow, consent.answer, consent.tokens, consent.state_digest, consent.browser_digest]
    for shown in (text, page):
        for secret in [*sealed_columns, "in the clear"]:
            assert secret not in shown
    for stranger in (cast.bob, cast.gus, cast.dana):
        assert stranger.email not in text and f'"{stranger.name}"' not in text


def test_every_column_of_a_connection_was_thought_about() -> None:
    left_out = {"refresh_token", "access_token", "password", "user_name", "opened_for", "claims", "lease_holder"}

    columns = {field.attname for field in Connection._meta.concrete_fields}

    assert columns - set(bundle._CONNECTION) == left_out


def test_that_somebody_took_it_is_written_down(cast: Cast, client_of: ClientOf) -> None:
    connection = one(cast.alice)

    bundle_of(connection, client_of, cast.dana)

    entry = AuditEntry.objects.get(action="calendar.bundle_downloaded")
    assert (entry.actor_name, entry.about_id) == ("Dana", cast.alice.pk)
