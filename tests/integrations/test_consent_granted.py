"""What was asked for, what Microsoft gave, and what is used of it: never more than was ticked."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from accounts import vault
from accounts.models import User
from integrations import connecting, scopes
from integrations.connecting import Narrowed
from integrations.models import Connection, ConsentRequest, Ending
from tests.cast import ClientOf
from tests.integrations.wired import answered, assert_ended, begun, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
ALWAYS = ["openid", "profile", "offline_access", "User.Read"]


def granted(person: User, microsoft: Simulator, *given: str) -> ConsentRequest:
    """Asked for both to write; Microsoft's answer gives so much of it."""
    consent = answered(person, microsoft, calendar_write=True, contacts_write=True)
    flow = connecting.opened(consent, "flow")
    flow["scope"] = [*ALWAYS, *given]
    sealed = vault.seal(json.dumps(flow), bound_to=connecting.place(consent, "flow"))
    ConsentRequest.objects.filter(pk=consent.pk).update(flow=sealed)
    grants = f"applications/{microsoft.client_id}/tenants/kestrel.example"
    microsoft.control("POST", f"{grants}/narrow-grant", {"scopes": [*ALWAYS, *given], "person": person.email})
    return redeemed(consent)


def text_of(client_of: ClientOf, person: User, path: str = "/profile/") -> str:
    body = client_of(person).get(path).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


# ── Less than was asked for ─────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("given", "withheld"),
    [
        (("Calendars.ReadWrite", "Contacts.ReadWrite"), []),
        (("Calendars.ReadWrite",), ["contacts_read", "contacts_write"]),
    ],
)
def test_what_was_withheld_is_kept_and_not_used(
    given: tuple[str, ...], withheld: list[str], alice: User, microsoft: Simulator
) -> None:
    consent = granted(alice, microsoft, *given)

    connection = Connection.objects.get()
    assert consent.step == "done", (consent.reason, consent.code)
    assert connection.withheld == withheld
    assert (connection.calendar_write, connection.contacts_write) == (True, not withheld)


def test_without_reading_the_calendar_there_is_no_connection(alice: User, microsoft: Simulator) -> None:
    assert_ended(granted(alice, microsoft, "Contacts.ReadWrite"), Ending.LESS_GRANTED)
    assert not Connection.objects.exists()


def test_it_is_said_to_the_person_and_to_admins(
    alice: User, dana: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    granted(alice, microsoft, "Calendars.ReadWrite")

    own, admins = text_of(client_of, alice), text_of(client_of, dana, f"/people/{alice.pk}/")

    assert "Microsoft gave: Meridian may not read contacts, and not write contacts." in own
    assert "Alice asked for more than Microsoft gave: Meridian may not read contacts, and not write contacts." in admins
    for shown in (own, admins):
        assert "Read, not given by Microsoft" in shown
        assert "Write, not given by Microsoft" in shown


def test_asked_for_once_more_microsoft_shows_it_once_more(alice: User, microsoft: Simulator) -> None:
    granted(alice, microsoft, "Calendars.ReadWrite")

    assert "prompt=consent" in begun(alice, calendar_write=True, contacts_write=True)


def test_given_after_all_it_is_withheld_no_longer(alice: User, microsoft: Simulator) -> None:
    granted(alice, microsoft, "Calendars.ReadWrite")

    connection = connected(alice, microsoft, calendar_write=True, contacts_write=True)

    assert (connection.withheld, connection.contacts_write) == ([], True)


def test_no_longer_wished_for_it_is_no_longer_told(alice: User, microsoft: Simulator) -> None:
    connection = connected(alice, microsoft)
    Connection.objects.filter(pk=connection.pk).update(withheld=["calendar_write", "contacts_read"])

    outcome = connecting.narrow(alice, calendar_write=False, contacts_write=False, now=timezone.now())

    assert outcome is Narrowed.UNCHANGED
    assert Connection.objects.get().withheld == ["contacts_read"]


# ── More than was asked for ─────────────────────────────────────────────────
def test_more_than_was_asked_for_is_fine_and_not_used(alice: User, microsoft: Simulator) -> None:
    microsoft.control(
        "POST",
        f"applications/{microsoft.client_id}/tenants/kestrel.example/grant",
        {"scopes": ["User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite", "Mail.Read"]},
    )

    connection = connected(alice, microsoft)

    assert (connection.calendar_write, connection.contacts_write, connection.withheld) == (False, False, [])


# ── The difference ──────────────────────────────────────────────────────────
def test_more_is_asked_for_along_with_what_there_is(alice: User, microsoft: Simulator) -> None:
    connected(alice, microsoft, calendar_write=True)

    address = begun(alice, calendar_write=True, contacts_write=True)

    asked = set(parse_qs(urlsplit(address).query)["scope"][0].split())
    assert {"Calendars.ReadWrite", "Contacts.ReadWrite", "User.Read"} <= asked
    assert ConsentRequest.objects.latest("created_at").is_renewal


def test_the_permissions_page_says_what_is_new(alice: User, microsoft: Simulator, client_of: ClientOf) -> None:
    connected(alice, microsoft, calendar_write=True)

    shown = text_of(client_of, alice, "/profile/calendar/office-365/")

    assert shown.count("New: Microsoft asks you before it counts.") == 1


def test_on_the_way_to_more_the_profile_says_what_is_new(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft, calendar_write=True)
    answered(alice, microsoft, calendar_write=True, contacts_write=True)

    assert "Asked for in addition: write contacts." in text_of(client_of, alice)


def test_declined_more_leaves_what_there_was(alice: User, microsoft: Simulator) -> None:
    before = row(Connection, connected(alice, microsoft, calendar_write=True).pk)

    redeemed(answered(alice, microsoft, answer="cancel", calendar_write=True, contacts_write=True))

    assert row(Connection, before["id"]) == before


def test_less_says_what_microsoft_still_lists_and_where_to_withdraw_it(
    alice: User, microsoft: Simulator, client_of: ClientOf
) -> None:
    connected(alice, microsoft, calendar_write=True, contacts_write=True)
    client = client_of(alice)

    client.post("/profile/calendar/office-365/", {"calendar_write": "on"})

    shown = text_of(client_of, alice)
    assert "Microsoft lists more than Meridian uses: read and write your contacts (Contacts.ReadWrite)." in shown
    assert "withdraw Meridian’s access there" in shown


# ── In words ────────────────────────────────────────────────────────────────
def test_what_is_listed_is_named_in_plain_words_and_by_its_name() -> None:
    listed = scopes.in_words(["openid", "offline_access", "User.Read", "Calendars.Read", "Mail.Send"])

    assert listed == [
        "read your calendars (Calendars.Read)",
        "Mail.Send",
        "sign you in and read your profile (User.Read)",
    ]


@pytest.mark.parametrize(
    ("given", "ticks", "unused"),
    [
        (["User.Read", "Calendars.Read", "Contacts.Read"], (False, False), []),
        (["User.Read", "Calendars.ReadWrite", "Contacts.Read"], (False, False), ["Calendars.ReadWrite"]),
        (["User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite"], (True, False), ["Contacts.ReadWrite"]),
        (["User.Read", "Calendars.Read", "Contacts.Read", "Mail.Read", "openid"], (False, False), ["Mail.Read"]),
    ],
)
def test_what_is_not_used_of_what_is_listed(given: list[str], ticks: tuple[bool, bool], unused: list[str]) -> None:
    assert scopes.unused(given, calendar_write=ticks[0], contacts_write=ticks[1]) == unused
