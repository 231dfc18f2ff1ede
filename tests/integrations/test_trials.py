"""The test of the integration: who may be chosen, and each step as it stands while somebody goes through it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role, User
from integrations import credentials, trials
from integrations.domains import DomainRule
from integrations.failures import Reason
from integrations.models import Connection, ConsentRequest, Ending, State, Trial
from integrations.models import Step as Stage
from integrations.trials import advice, asking
from integrations.trials.model import Mark, Name
from integrations.trials.progress import progress
from integrations.trials.steps import steps
from tests.cast import Cast, ClientOf, crowd, joined
from tests.integrations.tied import set_to
from tests.integrations.wired import answered, asked, begun, connected, forget_microsoft, redeemed
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now
D, F, S, W, N = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.NOW, Mark.NEXT


def marks(trial: Trial) -> dict[Name, Mark]:
    trial = Trial.objects.select_related("person__account").get(pk=trial.pk)
    return {step.name: step.mark for step in steps(trial, reader=None, now=NOW())}


def the_way(trial: Trial) -> list[Mark]:
    """From *gone to Microsoft* to *connected*."""
    found = marks(trial)
    way = (Name.WENT, Name.CAME_BACK, Name.IDENTITY, Name.PERMISSIONS, Name.OPENED, Name.CONNECTED)
    return [found[name] for name in way]


def ended_with(trial: Trial, reason: str, code: str = "") -> list[Mark]:
    ConsentRequest.objects.create(
        user=trial.person,
        state_digest=reason,
        browser_digest="b",
        calendar_write=True,
        contacts_write=True,
        created_at=NOW(),
        expires_at=NOW() + timedelta(minutes=10),
        step=Stage.FAILED,
        answered_at=NOW(),
        ended_at=NOW(),
        reason=reason,
        code=code,
    )
    return the_way(trial)


def look(trial: Trial, *, after: timedelta = timedelta()) -> Trial:
    asking.look(trial.pk, now=NOW() + after)
    trial.refresh_from_db()
    return trial


# ── Who ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
def test_admins_are_refused_with_the_reason(role: str, cast: Cast, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=role)
    browser = client_of(cast.dana)

    found = browser.get(reverse("trial_begin"), {"q": "ada"}).content.decode()
    answer = browser.post(reverse("trial_begin"), {"person": ada.pk}, follow=True).content.decode()

    assert "An admin: Microsoft asks admins for their consent in another way" in found
    assert "Choose somebody who is no admin" in answer
    assert not Trial.objects.exists()


def test_who_cannot_sign_in_is_refused(cast: Cast) -> None:
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    cast.bob.refresh_from_db()

    with pytest.raises(trials.NotSuitable, match="can sign in"):
        trials.begin(cast.bob, by=cast.dana, now=NOW())


def test_nobody_of_another_account_can_be_chosen(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.dana)

    assert browser.post(reverse("trial_begin"), {"person": cast.mallory.pk}).status_code == 404
    assert cast.mallory.email not in browser.get(reverse("trial_begin"), {"q": "mallory"}).content.decode()


def test_a_second_test_with_somebody_ends_the_first_and_both_are_written_down(cast: Cast) -> None:
    first = trials.begin(cast.bob, by=cast.dana, now=NOW())

    second = trials.begin(cast.bob, by=cast.dana, now=NOW())

    first.refresh_from_db()
    assert first.ended_at is not None and second.ended_at is None
    assert AuditEntry.objects.filter(action="calendar.test_begun", about_id=cast.bob.pk).count() == 2


# ── What the settings say ───────────────────────────────────────────────────
def test_each_setting_is_a_step_and_nobody_waits_for_the_person_before_they_pass(cast: Cast) -> None:
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)
    set_to("domains", DomainRule(is_on=True, domains=("corvid.example",)), at=cast.kestrel, by=cast.dana)
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())

    found = steps(trial, reader=cast.dana, now=NOW())

    of = {step.name: step for step in found}
    assert [of[name].mark for name in (Name.SWITCH, Name.SERVICE, Name.METHOD, Name.DOMAIN)] == [F, D, D, F]
    assert reverse("account_settings_page", args=["mail-calendar"]) in of[Name.SWITCH].explains
    assert of[Name.SWITCH].advice and of[Name.WENT].mark == N


# ── What a worker asks ──────────────────────────────────────────────────────
def test_a_worker_asks_for_the_organization_and_for_our_credential_there(cast: Cast, microsoft: Simulator) -> None:
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))

    found = marks(trial)

    assert found[Name.SIGN_IN] == D
    assert found[Name.CREDENTIAL] in (D, S)  # not known there before the first consent
    assert found[Name.WENT] == W


def test_what_failed_is_asked_again(cast: Cast, microsoft: Simulator, settings: Any) -> None:
    right, settings.MICROSOFT_AUTHORITY_HOST = settings.MICROSOFT_AUTHORITY_HOST, "https://localhost:1"
    forget_microsoft()
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))
    assert marks(trial)[Name.SIGN_IN] == F

    settings.MICROSOFT_AUTHORITY_HOST = right
    forget_microsoft()
    at_once, later = marks(look(trial)), marks(look(trial, after=asking.REST))

    assert (at_once[Name.SIGN_IN], later[Name.SIGN_IN]) == (F, D)


def test_an_organization_that_does_not_know_us_yet_is_no_word_about_our_credential(
    cast: Cast, microsoft: Simulator
) -> None:
    step = {"status": 401, "code": "invalid_client", "aadsts": 7000229}
    microsoft.control("POST", "faults", {"target": "token", "seconds": 60, "steps": [step]})

    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))

    assert marks(trial)[Name.CREDENTIAL] == S
    assert not credentials.is_refused(now=NOW())
    assert mail.outbox == []


def test_one_looks_at_a_time_and_a_claim_that_is_over_is_free(cast: Cast, microsoft: Simulator) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    Trial.objects.update(claimed_until=NOW() + timedelta(seconds=60))

    assert asking.to_look_at(now=NOW()) == []
    assert look(trial).found == {}
    assert asking.to_look_at(now=NOW() + timedelta(seconds=61)) == [str(trial.pk)]


# ── The way ─────────────────────────────────────────────────────────────────
def test_the_whole_way_passes_and_ends_the_test(cast: Cast, microsoft: Simulator) -> None:
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))
    assert the_way(trial) == [W, N, N, N, N, N]

    begun(cast.bob, calendar_write=True, contacts_write=True)
    assert the_way(trial) == [D, W, N, N, N, N]
    consent = answered(cast.bob, microsoft, calendar_write=True, contacts_write=True)
    assert the_way(trial) == [D, W, N, N, N, N]
    redeemed(consent)
    assert the_way(trial) == [D, D, D, D, D, D]
    assert (marks(trial)[Name.RENEWED], marks(trial)[Name.ANSWERS]) == (W, W)
    trial = look(trial)

    assert trial.ended_at is not None
    found = steps(trial, reader=cast.dana, now=NOW())
    assert {step.mark for step in found} <= {D, S}
    assert all(step.took is not None for step in found if step.name in (Name.RENEWED, Name.ANSWERS, Name.OPENED))
    assert progress(trial, reader=cast.dana, now=NOW()).outcome.word == "Passed"


def test_what_it_showed_is_kept_whatever_happens_later(cast: Cast, microsoft: Simulator) -> None:
    set_to("enabled", True, at=cast.kestrel, by=cast.dana)
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    trials.end(trial, now=NOW())
    before = marks(trial)

    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    assert marks(trial) == before and before[Name.SWITCH] == D
    trial.refresh_from_db()
    assert cast.dana.name not in str(trial.found)
    assert trials.end(trial, now=NOW()) is False


@pytest.mark.parametrize(
    ("reason", "at"),
    [
        (Reason.DECLINED, 1),
        (Reason.CANCELLED, 1),
        (Reason.ADMIN_APPROVAL, 1),
        (Reason.CONDITIONAL_ACCESS, 1),
        (Ending.INTERRUPTED, 1),
        ("something new", 1),
        (Ending.ANOTHER_ACCOUNT, 2),
        (Ending.TAKEN, 2),
        (Ending.ANOTHER_DOMAIN, 2),
        (Ending.UNTRUSTED, 2),
        (Ending.LESS_GRANTED, 3),
        (Ending.NOT_LASTING, 3),
        (Reason.NO_MAILBOX, 4),
        (Ending.GUEST, 4),
        (Ending.ON_PREMISES, 4),
    ],
)
def test_a_way_that_ended_fails_at_its_step(reason: str, at: int, cast: Cast) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())

    found = ended_with(trial, reason)

    assert found == [D] * at + [F] + [N] * (5 - at)


@pytest.mark.parametrize("reason", [*Reason, *Ending.values, "something new"])
def test_every_failed_step_says_why_and_what_to_do(reason: str, cast: Cast) -> None:
    assert advice.why(reason).endswith(".")
    says = advice.on(reason, "Bob")
    assert says.endswith(".") and "{" not in says
    assert (reverse("approvals") in says) is (reason in (Reason.ADMIN_APPROVAL, Reason.DECLINED, Reason.CANCELLED))


def test_who_did_not_come_back_in_time_has_not_come_back(cast: Cast, microsoft: Simulator) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    begun(cast.bob)

    found = {step.name: step for step in steps(trial, reader=None, now=NOW() + timedelta(minutes=11))}

    assert found[Name.CAME_BACK].mark == F
    assert found[Name.CAME_BACK].advice == "Bob starts again."


def test_what_went_before_the_test_does_not_count(cast: Cast, microsoft: Simulator) -> None:
    begun(cast.bob)

    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())

    assert the_way(trial)[:2] == [W, N]


def test_less_than_was_asked_for_is_a_failed_step(cast: Cast, microsoft: Simulator) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    connected(cast.bob, microsoft, calendar_write=True)
    Connection.objects.update(withheld=["contacts_write"])

    found = {step.name: step for step in steps(trial, reader=None, now=NOW())}

    assert found[Name.PERMISSIONS].mark == F
    assert found[Name.PERMISSIONS].explains == "Asked for and not given: Write contacts."


# ── Somebody who is connected ───────────────────────────────────────────────
def test_who_is_connected_is_tested_live_and_may_go_the_way_again(
    cast: Cast, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(cast.bob, microsoft)
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))

    page = client_of(cast.dana).get(reverse("trial", args=[trial.pk])).content.decode()

    assert the_way(trial) == [S, S, S, S, S, D]
    assert (marks(trial)[Name.RENEWED], marks(trial)[Name.ANSWERS]) == (D, D)
    assert trial.ended_at is None and "Bob is connected already" in page


def test_a_mailbox_that_does_not_answer_fails_live(cast: Cast, microsoft: Simulator) -> None:
    connected(cast.bob, microsoft)
    microsoft.control("POST", "faults", {"target": "graph", "steps": [{"status": 503}]})
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))

    found = {step.name: step for step in steps(trial, reader=None, now=NOW())}

    assert (found[Name.RENEWED].mark, found[Name.ANSWERS].mark) == (D, F)
    assert found[Name.ANSWERS].advice == "Meridian tries again by itself."


def test_while_microsoft_wants_us_to_wait_a_test_asks_nothing(cast: Cast, microsoft: Simulator) -> None:
    connected(cast.bob, microsoft)
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))
    Trial.objects.update(found={name: trial.found[name] for name in (Name.SIGN_IN, Name.CREDENTIAL)})
    step = {"status": 429, "retry_after": 600}
    microsoft.control("POST", "faults", {"target": "token", "seconds": 60, "steps": [step]})
    before = asked(microsoft)

    for seconds in (0, 5, 40, 300):
        trial = look(trial, after=timedelta(seconds=seconds))

    assert asked(microsoft) == before + 1
    assert (marks(trial)[Name.RENEWED], Connection.objects.get().attempts) == (F, 1)


def test_sessions_that_were_ended_fail_the_renewal(cast: Cast, microsoft: Simulator) -> None:
    connected(cast.bob, microsoft)
    microsoft.control("POST", "people/bob@kestrel.example/revoke-sessions")
    trial = look(trials.begin(cast.bob, by=cast.dana, now=NOW()))

    found = {step.name: step for step in steps(trial, reader=None, now=NOW())}

    assert (found[Name.RENEWED].mark, found[Name.ANSWERS].mark) == (F, N), "nobody asked the mailbox"
    assert "AADSTS50173" in found[Name.RENEWED].explains
    assert Connection.objects.get().state == State.NEEDS_REAUTH


# ── The pages ───────────────────────────────────────────────────────────────
def test_the_page_asks_for_itself_until_the_test_has_ended(cast: Cast, client_of: ClientOf) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())
    browser, address = client_of(cast.dana), reverse("trial", args=[trial.pk])

    waiting = browser.get(address, headers={"HX-Request": "true"})
    browser.post(reverse("trial_end", args=[trial.pk]))
    done = browser.get(address, headers={"HX-Request": "true"})

    assert "hx-get" in waiting.content.decode() and "<html" not in waiting.content.decode()
    assert done.headers["HX-Refresh"] == "true"
    assert "Test again" in browser.get(address).content.decode()


def test_the_instructions_name_the_page_and_what_to_press(cast: Cast, client_of: ClientOf, settings: Any) -> None:
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())

    page = client_of(cast.dana).get(reverse("trial", args=[trial.pk])).content.decode()

    assert f"Sign in to Meridian as bob@kestrel.example and open {settings.PUBLIC_URL}/profile/" in page
    assert "press Accept" in page


def test_a_test_that_nobody_ended_is_over_after_two_hours_and_gone_after_ninety_days(cast: Cast) -> None:
    now = NOW()
    trial = trials.begin(cast.bob, by=cast.dana, now=now)

    assert asking.to_look_at(now=now + timedelta(hours=2, seconds=1)) == []
    trial.refresh_from_db()
    assert trial.ended_at == now + timedelta(hours=2, seconds=1)
    assert progress(trial, reader=cast.dana, now=NOW()).outcome.word == "Not finished"
    trials.forget_old(now=now + timedelta(days=91))
    assert not Trial.objects.exists()


@pytest.mark.parametrize("number", [5, 500])
def test_the_pages_cost_the_same_whatever_the_size_of_the_account(
    number: int, cast: Cast, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    people = crowd(cast.kestrel, number, group=cast.sales)
    for person in people[:3]:
        trials.begin(person, by=cast.dana, now=NOW())
    trial = trials.begin(people[3], by=cast.dana, now=NOW())
    browser = client_of(cast.dana)
    browser.get(reverse("trial_begin"))

    with django_assert_num_queries(5):
        browser.get(reverse("trial_begin"), {"q": "member"})
    with django_assert_num_queries(8):
        browser.get(reverse("trial", args=[trial.pk]))
