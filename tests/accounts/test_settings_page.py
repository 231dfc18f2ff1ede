"""Account Settings: who may open it, what it shows, and what it does with what is sent to it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, Group, Role, SettingDecision, User
from integrations import fitting
from integrations.models import Connection, State
from integrations.preferences import ServicePolicy
from tests.cast import FOUNDED, ClientOf, crowd

pytestmark = pytest.mark.django_db

PAGE = "/account/settings/mail-calendar/"
GOOD_POLICY = {"default_service": "office_365", "authorize_with": "graph", "who_can_set_up": "oauth"}


def address(key: str, page: str = "mail-calendar") -> str:
    return reverse("account_setting", args=[page, key])


def text_of(response: Any) -> str:
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def connect(people: list[User], state: str = State.CONNECTED) -> None:
    Connection.objects.bulk_create(
        Connection(user=person, state=state, since_at=FOUNDED, tenant_id="t", object_id=f"o{person.pk}")
        for person in people
    )


# ── Who may not ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["/account/settings/", PAGE])
def test_a_visitor_is_taken_to_the_sign_in_page(path: str) -> None:
    response = Client().get(path)

    assert response.status_code == 302
    assert response.headers["Location"] == f"{reverse('account_login')}?next={path}"


@pytest.mark.parametrize("who", ["alice", "gus", "bob"])
@pytest.mark.parametrize("path", ["/account/settings/", PAGE])
def test_a_member_and_a_group_admin_may_not_open_it(
    who: str, path: str, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    response = client_of(request.getfixturevalue(who)).get(path)

    assert response.status_code == 403


@pytest.mark.parametrize("who", ["alice", "gus", "bob"])
def test_a_member_and_a_group_admin_may_not_change_it(
    who: str, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    response = client_of(request.getfixturevalue(who)).post(address("integrations.enabled"), {"value": "off"})

    assert response.status_code == 403
    assert not SettingDecision.objects.exists()


def test_a_visitor_changes_nothing(kestrel: Account) -> None:
    response = Client().post(address("integrations.enabled"), {"value": "off"})

    assert response.status_code == 302
    assert not SettingDecision.objects.exists()


def test_a_stranger_changes_the_own_account_alone(
    kestrel: Account, corvid: Account, mallory: User, client_of: ClientOf
) -> None:
    client_of(mallory).post(address("integrations.enabled"), {"value": "off"})

    assert SettingDecision.objects.get().account == corvid


def test_a_get_changes_nothing(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).get(address("integrations.enabled"), {"value": "off"})

    assert response.status_code == 405
    assert not SettingDecision.objects.exists()


def test_a_form_from_elsewhere_changes_nothing(dana: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(dana)

    response = client.post(address("integrations.enabled"), {"value": "off"})

    assert response.status_code == 403
    assert not SettingDecision.objects.exists()


# ── What it shows ───────────────────────────────────────────────────────────
def test_an_admin_who_is_not_the_owner_may_open_it(bob: User, client_of: ClientOf) -> None:
    bob.role = Role.ADMIN
    bob.save()

    assert client_of(bob).get(PAGE).status_code == 200


def test_the_bare_address_leads_to_the_first_tab(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).get("/account/settings/")

    assert response.headers["Location"] == PAGE


@pytest.mark.parametrize("path", ["/account/settings/nothing/", "/account/settings/mail-calendar-2/"])
def test_an_unknown_tab_is_not_found(path: str, dana: User, client_of: ClientOf) -> None:
    assert client_of(dana).get(path).status_code == 404


@pytest.mark.parametrize("key", ["integrations.nothing", "integrations", "enabled", "x" * 200])
def test_an_unknown_setting_is_not_found(key: str, dana: User, client_of: ClientOf) -> None:
    assert client_of(dana).post(address(key), {"value": "off"}).status_code == 404


def test_a_setting_is_found_under_its_own_tab_only(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.enabled", page="nothing"), {"value": "off"})

    assert response.status_code == 404


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
        "On , Meridian’s default.",
    ):
        assert words in shown


def test_choices_that_do_not_work_yet_are_not_shown(dana: User, client_of: ClientOf) -> None:
    shown = text_of(client_of(dana).get(PAGE))

    assert "Exchange Web Services" not in shown
    assert "Application Permissions" not in shown


def test_it_says_who_chose_and_when(kestrel: Account, dana: User, client_of: ClientOf) -> None:
    client_of(dana).post(address("integrations.enabled"), {"value": "off"})

    assert re.search(r"Off , chosen here by Dana, .{6,}", text_of(client_of(dana).get(PAGE)))


# ── Enable and disable ──────────────────────────────────────────────────────
def confirmation(response: Any) -> str:
    found = re.search(r'<div id="enabled-confirm".*?</form>', response.content.decode(), re.DOTALL)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def test_disabling_is_confirmed_with_what_it_means(kestrel: Account, dana: User, client_of: ClientOf) -> None:
    connect(crowd(kestrel, 1))

    asked = confirmation(client_of(dana).get(PAGE))

    assert "Disable “Integrate third-party mail and calendar services”?" in asked
    assert "1 person is connected now." in asked
    assert asked.endswith("Cancel Disable")


def test_with_nobody_connected_it_says_that_nobody_loses_anything(dana: User, client_of: ClientOf) -> None:
    assert "Nobody is connected now, so nobody loses anything." in confirmation(client_of(dana).get(PAGE))


@pytest.mark.parametrize("count", [2, 7])
def test_the_numbers_before_are_what_happens_after(
    count: int, kestrel: Account, corvid: Account, dana: User, client_of: ClientOf
) -> None:
    people = crowd(kestrel, count + 5)
    states = [State.CONNECTED, State.DEGRADED, State.PAUSED, State.CONNECTING]
    for number, person in enumerate(people[:count]):
        connect([person], states[number % len(states)])
    for person, state in zip(
        people[count:], (State.NEEDS_REAUTH, State.NOT_ELIGIBLE, State.DISCONNECTED), strict=False
    ):
        connect([person], state)
    connect(crowd(corvid, 3))
    client = client_of(dana)

    promised = confirmation(client.get(PAGE))
    client.post(address("integrations.enabled"), {"value": "off"})
    stopped = fitting.apply_policy(kestrel, now=FOUNDED)
    back_promised = confirmation(client.get(PAGE))
    client.post(address("integrations.enabled"), {"value": "on"})
    returned = fitting.apply_policy(kestrel, now=FOUNDED)

    assert f"{count} people are connected now." in promised
    assert stopped == count
    assert "Enable “Integrate third-party mail and calendar services”?" in back_promised
    assert f"{count} people are blocked now; their connections come back by themselves." in back_promised
    assert back_promised.endswith("Cancel Enable")
    assert returned == count


def test_the_switch_is_stored_logged_and_confirmed(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.enabled"), {"value": "off"}, follow=True)

    assert SettingDecision.objects.get().value is False
    assert AuditEntry.objects.get().action == "setting.chosen"
    assert "Saved: Integrate third-party mail and calendar services, Off." in text_of(response)
    assert 'aria-checked="false"' in response.content.decode()


def test_after_saving_the_browser_is_back_at_the_row(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.enabled"), {"value": "off"})

    assert response.headers["Location"] == f"{PAGE}#setting-enabled"


def test_a_policy_is_saved_as_one_decision(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.services"), {**GOOD_POLICY, "calendar_write": "on"})

    assert response.status_code == 302
    assert SettingDecision.objects.get().value == {
        "authorize_with": "graph",
        "calendar_write": True,
        "contacts_write": False,
        "default_service": "office_365",
        "who_can_set_up": "oauth",
    }


# ── What it does not accept ─────────────────────────────────────────────────
@pytest.mark.parametrize("data", [{}, {"value": ""}, {"value": "perhaps"}])
def test_a_senseless_switch_is_refused(data: dict[str, str], dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.enabled"), data)

    assert response.status_code == 422
    assert "Say on or off." in text_of(response)
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"authorize_with": "ews"},
        {"authorize_with": "carrier pigeon"},
        {"who_can_set_up": "application_permissions"},
        {"default_service": "google"},
        {"default_service": ""},
    ],
)
def test_a_choice_that_is_not_offered_is_refused(change: dict[str, str], dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(address("integrations.services"), {**GOOD_POLICY, **change})

    assert response.status_code == 422
    assert "Choose one of the ways under “" in text_of(response)
    assert not SettingDecision.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_refused_form_keeps_what_was_typed(dana: User, client_of: ClientOf) -> None:
    assert ServicePolicy().calendar_write
    assert ServicePolicy().contacts_write
    sent = {**GOOD_POLICY, "authorize_with": "ews", "contacts_write": "on"}

    page = client_of(dana).post(address("integrations.services"), sent).content.decode()

    boxes = {name: " checked" in tag for tag, name in re.findall(r'(<input type="checkbox" name="(\w+)"[^>]*>)', page)}
    assert boxes == {"calendar_write": False, "contacts_write": True}


# ── What it costs ───────────────────────────────────────────────────────────
@pytest.mark.parametrize("size", [3, 60])
def test_it_costs_the_same_at_any_size(
    size: int,
    kestrel: Account,
    sales: Group,
    dana: User,
    client_of: ClientOf,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    people = crowd(kestrel, size, group=sales)
    connect(people)
    SettingDecision.objects.create(
        account=kestrel, key="integrations.enabled", value=True, decided_by=dana, decided_at=FOUNDED
    )
    client = client_of(dana)
    client.get(PAGE)

    # The session (in the database) and the person; then decisions, connected, blocked, and the number of people.
    with django_assert_num_queries(6):
        shown = text_of(client.get(PAGE))

    assert f"all {size + 1} people of Kestrel & Co" in shown
    assert f"{size} people are connected." in shown
