"""*Test the integration* where the settings lead to EWS: a server of the organization's own, or Exchange Online."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from integrations import trials
from integrations.failures import Reason
from integrations.models import Trial
from integrations.preferences import Method
from integrations.trials import asking
from integrations.trials.model import Mark, Name, Step
from integrations.trials.steps import steps
from tests.cast import ClientOf
from tests.integrations.reaching_exchange import (
    OFFICE_BY_EWS,
    at_exchange,
    impersonated,
    ingrid_of,
    lead,
    signed_in_by,
    with_impersonation,
)
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now
D, F, S, W, N = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.NOW, Mark.NEXT
THERE = (Name.SERVER, Name.WENT, Name.OPENED, Name.CONNECTED, Name.ANSWERS)


@pytest.fixture
def ingrid(kestrel: Account) -> User:
    return ingrid_of(kestrel)


def begun(person: User, by: User) -> Trial:
    trial = trials.begin(person, by=by, now=NOW())
    asking.look(trial.pk, now=NOW())
    return trial


def looked(trial: Trial) -> dict[Name, Step]:
    asking.look(trial.pk, now=NOW() + timedelta(minutes=1))
    return shown(trial)


def shown(trial: Trial) -> dict[Name, Step]:
    current = Trial.objects.select_related("person__account").get(pk=trial.pk)
    return {step.name: step for step in steps(current, reader=None, now=NOW())}


def marks(found: dict[Name, Step]) -> list[Mark]:
    return [found[name].mark for name in THERE]


def test_of_a_server_of_its_own_microsoft_is_not_asked(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    lead(kestrel, at_exchange(microsoft), by=dana)

    found = shown(begun(ingrid, dana))

    assert marks(found) == [D, W, N, N, N]
    assert not {Name.SIGN_IN, Name.CREDENTIAL, Name.RENEWED} & set(found)
    assert found[Name.SERVICE].says == "Exchange is offered, by Exchange Web Services (EWS)"
    assert found[Name.METHOD].says == "Ingrid may set it up with their own user name"


def test_it_passes_once_the_mailbox_has_opened(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    lead(kestrel, at_exchange(microsoft), by=dana)
    trial = begun(ingrid, dana)
    signed_in_by(ingrid)

    found = looked(trial)

    assert marks(found) == [D, D, D, D, D]
    assert Trial.objects.get().ended_at is not None


def test_a_wrong_password_says_what_to_do(kestrel: Account, dana: User, ingrid: User, microsoft: Simulator) -> None:
    lead(kestrel, at_exchange(microsoft), by=dana)
    trial = begun(ingrid, dana)
    signed_in_by(ingrid, password="not hers")

    found = shown(trial)

    assert marks(found) == [D, D, F, N, N]
    assert "of the organization’s own network" in found[Name.OPENED].advice
    assert "Microsoft" not in found[Name.OPENED].explains


def test_a_server_that_is_down_fails_the_test_and_is_asked_again(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    lead(kestrel, at_exchange(microsoft), by=dana)
    microsoft.control("POST", "exchange-down")
    trial = begun(ingrid, dana)
    down = shown(trial)
    microsoft.control("POST", "exchange-up")

    up = looked(trial)

    assert down[Name.SERVER].mark == F
    assert "does not answer" in down[Name.SERVER].explains
    assert up[Name.SERVER].mark == D


def test_by_impersonation_the_account_has_to_be_set_first(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator
) -> None:
    lead(kestrel, at_exchange(microsoft, Method.IMPERSONATION), by=dana)
    trial = begun(ingrid, dana)
    missing = shown(trial)
    with_impersonation(kestrel, microsoft, by=dana)
    impersonated(ingrid)

    found = looked(trial)

    assert missing[Name.SERVER].mark == F
    assert "Exchange servers" in missing[Name.SERVER].advice
    assert marks(found) == [D, D, D, D, D]


def test_whoever_is_to_test_is_told_what_to_press_there(
    kestrel: Account, dana: User, ingrid: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    lead(kestrel, at_exchange(microsoft), by=dana)

    page = client_of(dana).get(reverse("trial", args=[begun(ingrid, dana).pk])).content.decode()

    assert "Choose Exchange and press Next." in page
    assert "Sign in at Microsoft" not in page


def test_in_exchange_online_the_way_is_as_by_graph(
    kestrel: Account, dana: User, alice: User, microsoft: Simulator
) -> None:
    lead(kestrel, OFFICE_BY_EWS, by=dana)

    found = shown(begun(alice, dana))

    assert found[Name.SERVICE].says == "Office 365 is offered, by Exchange Web Services (EWS)"
    assert {Name.SIGN_IN, Name.CREDENTIAL, Name.RENEWED} <= set(found)


@pytest.mark.parametrize("reason", [Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED])
def test_where_ews_has_ended_the_advice_is_graph(reason: Reason) -> None:
    from integrations.trials import advice

    assert "chooses Graph" in advice.on(reason, "Alice")
