"""Of a connection by the organization: step by step, what helps, and what support may see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import vault
from accounts.models import User
from integrations import diagnosis
from integrations.diagnosis import Mark, Part
from integrations.diagnosis.remedies import Who
from integrations.failures import Reason
from integrations.models import Connection, LinkState, State, TenantLink, Trouble
from tests.cast import FOUNDED, Cast, ClientOf, crowd
from tests.integrations.authorized import authorized, connected_by, set_up_by_admin
from tests.integrations.tied import set_to

pytestmark = pytest.mark.django_db

NOW = timezone.now
D, F, S, U = Mark.DONE, Mark.FAILED, Mark.SKIPPED, Mark.UNKNOWN
# From the consent to the mailbox.
PARTS = (Part.CONSENT, Part.RENEWAL, Part.MATCH, Part.SCOPE, Part.MAILBOX)


@pytest.fixture
def link(cast: Cast) -> TenantLink:
    set_up_by_admin(cast.kestrel, by=cast.dana)
    return authorized(cast.kestrel)


def case_of(connection: Connection, reader: User) -> diagnosis.Case:
    found = Connection.objects.select_related("user__account", "link").get(pk=connection.pk)
    return diagnosis.read(found, reader=reader, now=NOW())


def marks(connection: Connection, reader: User) -> tuple[Mark, ...]:
    found = {step.part: step.mark for step in diagnosis.steps(case_of(connection, reader))}
    return tuple(found[part] for part in PARTS)


@pytest.mark.parametrize(
    ("state", "of_connection", "of_link", "expected"),
    [
        (State.CONNECTED, {}, {}, (D, D, D, D, D)),
        (State.CONNECTED, {"last_good_at": None}, {"roles_at": None}, (D, U, D, U, U)),
        (State.CONNECTED, {}, {"domains": []}, (F, D, D, D, D)),
        (State.CONNECTING, {}, {}, (D, S, S, S, S)),
        (State.NOT_ELIGIBLE, {"reason": Reason.NO_MAILBOX, "object_id": ""}, {}, (D, D, F, S, S)),
        (State.NOT_ELIGIBLE, {"reason": Reason.NO_MAILBOX}, {}, (D, D, D, D, F)),
        (State.NOT_ELIGIBLE, {"reason": Reason.AMBIGUOUS, "object_id": ""}, {}, (D, D, F, S, S)),
        (State.NOT_ELIGIBLE, {"reason": Reason.SCOPED_OUT}, {}, (D, D, D, F, S)),
        (State.NOT_ELIGIBLE, {"reason": Reason.ON_PREMISES}, {}, (D, D, D, D, F)),
        (State.DEGRADED, {"reason": Reason.NO_ANSWER, "trouble": Trouble.MAILBOX}, {}, (D, D, D, D, F)),
        (
            State.DEGRADED,
            {"reason": Reason.NO_ANSWER},
            {"state": LinkState.DEGRADED, "reason": Reason.NO_ANSWER},
            (D, F, D, D, S),
        ),
        (
            State.PAUSED,
            {"reason": Reason.CONSENT_REVOKED},
            {"state": LinkState.PAUSED, "reason": Reason.CONSENT_REVOKED},
            (F, S, D, D, S),
        ),
        (
            State.PAUSED,
            {"reason": Reason.CREDENTIAL_EXPIRED},
            {"state": LinkState.PAUSED, "reason": Reason.CREDENTIAL_EXPIRED},
            (D, S, D, D, S),
        ),
        (State.DISCONNECTED, {"reason": Reason.OUTSIDE_DOMAIN}, {}, (S, S, S, S, S)),
    ],
)
def test_each_state_step_by_step(
    state: State,
    of_connection: dict[str, Any],
    of_link: dict[str, Any],
    expected: tuple[Mark, ...],
    cast: Cast,
    link: TenantLink,
) -> None:
    TenantLink.objects.filter(pk=link.pk).update(**of_link)
    [connection] = connected_by(link, [cast.alice], state, **of_connection)

    assert marks(connection, cast.dana) == expected


def test_an_authorization_that_was_ended_is_the_step_that_fails(cast: Cast, link: TenantLink) -> None:
    [connection] = connected_by(link, [cast.alice], State.PAUSED, reason=Reason.LINK_ENDED)

    TenantLink.objects.update(state=LinkState.ENDED, ended_at=NOW())

    assert marks(connection, cast.dana)[0] is F


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_whatever_the_reason_one_thing_helps_and_it_is_nothing_for_its_person_to_do(
    state: State, cast: Cast, link: TenantLink
) -> None:
    [connection] = connected_by(link, [cast.alice], state)
    case = case_of(connection, cast.dana)
    for reason in ("", *Reason, "something new"):
        case.connection.state, case.connection.reason = state, reason

        helps = diagnosis.helps(case)

        assert helps.who is not Who.PERSON, reason
        assert strip_tags(helps.says).endswith(".") and "{" not in helps.says, reason
        assert "Reconnect" not in helps.says


def test_the_page_offers_to_check_and_not_to_remind(cast: Cast, link: TenantLink, client_of: ClientOf) -> None:
    [connection] = connected_by(link, [cast.alice], State.NOT_ELIGIBLE, reason=Reason.SCOPED_OUT)

    page = client_of(cast.dana).get(reverse("connection_diagnose", args=[connection.pk])).content.decode()

    assert "Remind Alice" not in page and "Check now" in page
    assert reverse("organizations") in page


def test_what_people_may_now_set_up_themselves_is_theirs_once_it_has_ended(cast: Cast, link: TenantLink) -> None:
    [connection] = connected_by(link, [cast.alice], State.DISCONNECTED, reason=Reason.NOT_COVERED)
    assert diagnosis.helps(case_of(connection, cast.dana)).who is Who.MICROSOFT_ADMIN

    set_to("services", type(case_of(connection, cast.dana).holding.values.services)(), at=cast.kestrel, by=cast.dana)

    assert diagnosis.helps(case_of(connection, cast.dana)).who is Who.PERSON


def test_a_switch_that_is_off_comes_first(cast: Cast, link: TenantLink) -> None:
    [connection] = connected_by(link, [cast.alice], State.NOT_ELIGIBLE, reason=Reason.NO_MAILBOX)
    set_to("enabled", False, at=cast.kestrel, by=cast.dana)

    helps = diagnosis.helps(case_of(connection, cast.dana))

    assert helps.who is Who.ACCOUNT_ADMIN
    assert reverse("account_settings_page", args=["mail-calendar"]) in helps.says


def test_the_bundle_tells_of_the_authorization_without_its_access_and_without_who_gave_it(
    cast: Cast, link: TenantLink, client_of: ClientOf
) -> None:
    sealed = vault.seal("in the clear", bound_to=f"integrations_tenantlink:access_token:{link.pk}")
    TenantLink.objects.update(access_token=sealed, consented_oid="the-object-id-of-the-admin", linked_by=cast.dana)
    [connection] = connected_by(link, [cast.alice])

    text = client_of(cast.dana).get(reverse("connection_bundle", args=[connection.pk])).content.decode()

    found = json.loads(text)
    assert found["organization"]["roles"] == ["Calendars.ReadWrite", "User.Read.All"]
    assert found["connection"]["link_id"] == link.pk
    assert found["connection"]["method"] == "application_permissions"
    for secret in (sealed, "in the clear", "the-object-id-of-the-admin", "admin@kestrel.example", cast.dana.email):
        assert secret not in text


def test_every_column_of_an_authorization_was_thought_about() -> None:
    from integrations.diagnosis import bundle

    # Secret, about others than the person, or of no use to support.
    left_out = {
        "account_id",
        "linked_by_id",
        "consented_oid",
        "consented_as",
        "access_token",
        "lease_holder",
        "claimed_until",
        "drift_told_at",
        "probed_address",
        "found",
        "job_id",
    }

    assert {field.attname for field in TenantLink._meta.concrete_fields} - set(bundle._LINK) == left_out


@pytest.mark.parametrize("number", [5, 500])
def test_it_costs_the_same_whatever_the_size_of_the_account(
    number: int, cast: Cast, link: TenantLink, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    connected_by(link, crowd(cast.kestrel, number, group=cast.sales), connected_at=FOUNDED)
    [connection] = connected_by(link, [cast.alice])
    browser, address = client_of(cast.dana), reverse("connection_diagnose", args=[connection.pk])
    browser.get(address)

    with django_assert_num_queries(13):
        browser.get(address)
