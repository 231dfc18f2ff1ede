"""The test of the integration where an Office 365 admin sets it up for everybody: nobody signs in."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import trials
from integrations.failures import Reason
from integrations.models import Connection, LinkState, Move, State, TenantLink, Trial
from integrations.trials.model import Mark, Name
from integrations.trials.progress import progress
from integrations.trials.steps import steps
from tests.cast import Cast, ClientOf
from tests.integrations.authorized import authorized, connected_by, set_up_by_admin
from tests.integrations.tied import connect, set_to

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now
D, F, S, W, N = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.NOW, Mark.NEXT
WAY = (Name.AUTHORIZED, Name.MATCHED, Name.CONNECTED, Name.ANSWERS)


@pytest.fixture
def link(cast: Cast) -> TenantLink:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    return authorized(cast.kestrel)


@pytest.fixture
def trial(cast: Cast, link: TenantLink) -> Trial:
    return trials.begin(cast.bob, by=cast.dana, now=NOW())


def marks(trial: Trial) -> tuple[Mark, ...]:
    trial = Trial.objects.select_related("person__account").get(pk=trial.pk)
    found = {step.name: step.mark for step in steps(trial, reader=None, now=NOW())}
    return tuple(found[name] for name in WAY)


def said(trial: Trial, name: Name) -> str:
    found = {step.name: step for step in steps(trial, reader=None, now=NOW())}
    return f"{found[name].explains} {found[name].advice}"


def test_first_it_waits_for_the_worker_that_connects_people(trial: Trial) -> None:
    assert marks(trial) == (D, W, N, N)


def test_no_step_asks_for_a_sign_in_and_no_instructions_are_given(
    trial: Trial, cast: Cast, client_of: ClientOf
) -> None:
    page = client_of(cast.dana).get(reverse("trial", args=[trial.pk])).content.decode()

    assert "gone to Microsoft" not in page and "press Authorize" not in page
    assert "An Office 365 admin sets it up for everybody" in page


def test_without_an_authorization_for_their_domain_that_is_the_step_that_fails(cast: Cast) -> None:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    authorized(cast.kestrel, domains=["kestrel-elsewhere.example"])
    trial = trials.begin(cast.bob, by=cast.dana, now=NOW())

    assert marks(trial) == (F, N, N, N)
    assert "verifies kestrel.example as an associated domain" in said(trial, Name.AUTHORIZED)


def test_another_accounts_authorization_is_none(cast: Cast) -> None:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    authorized(cast.corvid)

    assert marks(trials.begin(cast.bob, by=cast.dana, now=NOW()))[0] is F


@pytest.mark.parametrize(("state", "mark"), [(LinkState.PAUSED, F), (LinkState.DEGRADED, W)])
def test_an_authorization_in_trouble_comes_first(state: str, mark: Mark, trial: Trial) -> None:
    TenantLink.objects.update(state=state, reason=Reason.CONSENT_REVOKED)

    assert marks(trial) == (mark, N, N, N)


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (State.CONNECTED, "", (D, D, D, W)),
        (State.CONNECTING, "", (D, D, W, N)),
        (State.DEGRADED, Reason.NO_ANSWER, (D, D, D, W)),
        (State.NOT_ELIGIBLE, Reason.NO_MAILBOX, (D, F, N, N)),
        (State.NOT_ELIGIBLE, Reason.SCOPED_OUT, (D, F, N, N)),
        (State.DISCONNECTED, Reason.NOT_COVERED, (D, W, N, N)),
    ],
)
def test_how_the_person_stands(
    state: State, reason: str, expected: tuple[Mark, ...], trial: Trial, link: TenantLink, cast: Cast
) -> None:
    connected_by(link, [cast.bob], state, reason=reason)

    assert marks(trial) == expected


@pytest.mark.parametrize(("move", "mark"), [(Move.READY, W), (Move.UNKNOWN, W), (Move.REFUSED, F)])
def test_who_had_connected_before_waits_to_be_moved(move: str, mark: Mark, trial: Trial, cast: Cast) -> None:
    connect([cast.bob], move=move)

    assert marks(trial) == (D, mark, N, N)


def test_what_blocks_it_is_said(trial: Trial, link: TenantLink, cast: Cast) -> None:
    connected_by(link, [cast.bob], State.BLOCKED_BY_POLICY, reason="turned_off")

    assert marks(trial) == (D, D, F, N)
    assert "allows it in the settings" in said(trial, Name.CONNECTED)


def test_while_the_organization_still_connects_somebody_its_way_is_tested(trial: Trial, cast: Cast) -> None:
    connected_by(TenantLink.objects.get(), [cast.bob])
    set_to("services", _by_people(), at=cast.kestrel, by=cast.dana)

    assert marks(trial) == (D, D, D, W)


@pytest.mark.parametrize("reason", [*Reason, "something new"])
def test_every_failed_step_says_what_to_do_and_nobody_is_told_to_start_again(
    reason: str, trial: Trial, link: TenantLink, cast: Cast
) -> None:
    connected_by(link, [cast.bob], State.NOT_ELIGIBLE, reason=reason)
    at_the_match = said(trial, Name.MATCHED)
    Connection.objects.update(state=State.CONNECTED, reason="")
    found = {"mark": "failed", "says": "", "reason": reason, "code": "", "trace_id": "", "took": 3}
    Trial.objects.update(found={"answers": found | {"way": "organization"}})
    trial.refresh_from_db()

    for words in (at_the_match, said(trial, Name.ANSWERS)):
        assert words.rstrip().endswith(".") and "{" not in words
        assert "starts again" not in words


def test_once_the_mailbox_has_answered_it_is_complete(trial: Trial, link: TenantLink, cast: Cast) -> None:
    from integrations.trials.course import is_complete

    connected_by(link, [cast.bob])
    done: dict[str, Any] = {"mark": "done", "says": "", "reason": "", "code": "", "trace_id": "", "took": 3}
    before = is_complete(trial, now=NOW())
    Trial.objects.update(
        found={"sign_in": done, "credential": done, "answers": done | {"way": "organization"}}, checked_at=NOW()
    )
    trial = Trial.objects.select_related("person__account").get(pk=trial.pk)

    assert (before, is_complete(trial, now=NOW())) == (False, True)
    assert progress(trial, reader=cast.dana, now=NOW()).outcome.word == "Passed"


def _by_people() -> Any:
    from integrations.preferences import ServicePolicy

    return ServicePolicy()
