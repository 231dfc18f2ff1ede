"""The rows that the product declares itself, in its own words."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from accounts.cascade import write
from accounts.cascade.declare import setting_of
from accounts.models import Account, AuditEntry, PendingChange, SettingDecision, User
from integrations.domains import DomainRule
from integrations.models import Connection, State
from integrations.preferences import Integrations
from tests.accounts.settings.reading import decision, page_of, row, rows, said, text_of
from tests.cast import FOUNDED, Cast, ClientOf, crowd

pytestmark = pytest.mark.django_db

PAGE = "/account/settings/mail-calendar/"
GOOD_POLICY = {"default_service": "office_365", "authorize_with": "graph", "who_can_set_up": "oauth"}


def test_it_shows_the_rows_in_the_portals_words(dana: User, client_of: ClientOf) -> None:
    shown = text_of(client_of(dana).get(PAGE))

    for words in (
        "Integrate third-party mail and calendar services",
        "Choose default calendar and contact services for users",
        "Office 365",
        "Authorize with",
        "Graph API",
        "Who can set up the integration",
        "Users can set up the integration by using OAuth",
        "Restrict calendar and contacts integration by domain",
        "On, Meridian’s default.",
    ):
        assert words in shown


def test_each_level_has_the_rows_that_hold_there(cast: Cast, client_of: ClientOf) -> None:
    account = rows(client_of(cast.dana).get(PAGE))
    group = rows(client_of(cast.gus).get(f"/groups/{cast.sales.pk}/settings/mail-calendar/"))
    own = rows(client_of(cast.alice).get("/settings/mail-calendar/"))

    assert account == ["enabled", "services", "sso_prompt", "domains", "expiry_alerts", "grace"]
    assert group == ["enabled", "services", "sso_prompt", "domains", "expiry_alerts"]
    assert own == ["enabled", "services", "sso_prompt", "domains", "expiry_alerts"]


def test_a_person_sees_what_the_account_and_groups_alone_decide_and_why(cast: Cast, client_of: ClientOf) -> None:
    made = setting_of(Integrations, "domains")
    rule = DomainRule(is_on=True, domains=("kestrel.example",))
    write.choose(made, rule, at=cast.sales, actor=cast.gus, now=timezone.now())

    answer = client_of(cast.alice).get("/settings/mail-calendar/")

    assert "Only kestrel.example, from Sales, chosen by Gus, today" in text_of(answer)
    assert text_of(answer).count("Only the account and groups decide this.") == 2
    assert answer.content.decode().count("/settings/mail-calendar/integrations.domains/") == 0
    assert client_of(cast.alice).post("/settings/mail-calendar/integrations.domains/").status_code == 404


def test_choices_that_do_not_work_yet_are_not_shown(dana: User, client_of: ClientOf) -> None:
    shown = text_of(client_of(dana).get(PAGE))

    assert "Bidirectional sync" not in shown


@pytest.mark.parametrize(("count", "words"), [(0, "Nobody is connected yet."), (1, "1 person is connected.")])
def test_it_says_how_many_are_connected(
    count: int, words: str, kestrel: Account, dana: User, client_of: ClientOf
) -> None:
    Connection.objects.bulk_create(
        Connection(user=person, state=State.CONNECTED, since_at=FOUNDED, tenant_id="t", object_id=f"o{person.pk}")
        for person in crowd(kestrel, count)
    )

    assert words in said(row(client_of(dana).get(PAGE), "enabled"))


@pytest.mark.parametrize(
    "change",
    [
        {"authorize_with": "carrier pigeon"},
        {"default_service": "google"},
        {"default_service": ""},
    ],
)
def test_a_choice_that_is_not_offered_is_refused(change: dict[str, str], dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(f"{PAGE}integrations.services/", {**GOOD_POLICY, **change})

    assert response.status_code == 422
    assert "Choose one of the ways under “" in said(row(response, "services"))
    assert not PendingChange.objects.exists()


def test_a_refused_policy_keeps_what_was_ticked(dana: User, client_of: ClientOf) -> None:
    sent = {**GOOD_POLICY, "who_can_set_up": "password", "contacts_write": "on"}

    page = row(client_of(dana).post(f"{PAGE}integrations.services/", sent), "services")

    boxes = {name: " checked" in tag for tag, name in re.findall(r'(<input type="checkbox" name="(\w+)"[^>]*>)', page)}
    assert boxes == {"calendar_write": False, "contacts_write": True, "organization_contacts": False}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"is_on": "on", "domains": ""}, "List at least one domain, or turn the restriction off."),
        ({"is_on": "on", "domains": "dana@kestrel.example"}, "Name only what stands behind the @."),
        ({"is_on": "on", "domains": "*.kestrel.example"}, "has a wildcard"),
        ({"is_on": "on", "domains": "kestrel"}, "is not a whole domain"),
    ],
)
def test_a_list_of_domains_that_makes_no_sense_is_refused_and_kept(
    data: dict[str, str], says: str, dana: User, client_of: ClientOf
) -> None:
    response = client_of(dana).post(f"{PAGE}integrations.domains/", data)

    assert response.status_code == 422
    assert says in said(row(response, "domains"))
    assert f">\n{data['domains']}</textarea>" in row(response, "domains")
    assert not PendingChange.objects.exists()


def test_the_days_of_grace_are_saved_at_once(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(f"{PAGE}integrations.grace/", {"value": "14"}, follow=True)

    assert decision("integrations.grace").value == 14
    assert AuditEntry.objects.get().setting_key == "integrations.grace"
    assert "“Forget blocked connections after” is now After 14 days. Undo" in text_of(response)
    assert '<input type="number" name="value" value="14"' in page_of(response)


@pytest.mark.parametrize("days", ["-1", "31", "", "seven", "1e1"])
def test_a_senseless_number_of_days_is_refused(days: str, dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(f"{PAGE}integrations.grace/", {"value": days})

    assert response.status_code == 422
    assert "Say a whole number from 0 to 30." in said(row(response, "grace"))
    assert not SettingDecision.objects.exists()
