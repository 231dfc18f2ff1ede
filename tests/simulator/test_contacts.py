"""Graph: contacts and settings of a mailbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.simulator.aviary import Birds, oid


def _contacts(birds: Birds, query: str = "") -> list[dict[str, Any]]:
    answer = birds.graph(birds.as_person("ben", "Contacts.Read"), f"/me/contacts?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


def test_contacts_are_listed_with_all_their_properties(birds: Birds) -> None:
    zoe = next(contact for contact in _contacts(birds) if contact["givenName"] == "Zoë")

    assert zoe["@odata.etag"] == f'W/"{zoe["changeKey"]}"'
    assert [one["address"] for one in zoe["emailAddresses"]] == ["zoe@wren.example", "z@wren.example"]
    assert (zoe["surname"], zoe["companyName"], zoe["jobTitle"]) == ("Wren", "Wren Ltd", "Buyer")
    assert (zoe["mobilePhone"], zoe["fileAs"], zoe["businessPhones"]) == ("+44 7700 900001", "Wren, Zoë", [])
    assert {"createdDateTime", "lastModifiedDateTime", "parentFolderId", "homeAddress", "categories"} <= set(zoe)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("$filter=emailAddresses/any(a:a/address eq 'Z@wren.example')", {"Zoë Wren"}),
        ("$filter=EmailAddresses/any(e: e/address eq 'kit@hawk.example' or e/address eq 'zoe@wren.example')",
         {"Zoë Wren", "Kit Kestrel"}),
        ("$filter=emailAddresses/any()", {"Zoë Wren", "Kit Kestrel"}),
        ("$filter=not(emailAddresses/any())", {"Amy Finch"}),
        ("$filter=companyName eq null", {"Amy Finch"}),
        ("$filter=startswith(displayName,'kit') and surname eq 'Kestrel'", {"Kit Kestrel"}),
        ("$filter=displayName eq 'nobody'", set()),
    ],
)  # fmt: skip
def test_contacts_are_filtered(birds: Birds, query: str, names: set[str]) -> None:
    assert {contact["displayName"] for contact in _contacts(birds, query)} == names


@pytest.mark.parametrize("text", ["emailAddresses/any(a:a/colour eq 'x')", "displayName eq", "colour eq 'x'"])
def test_a_senseless_filter_is_refused(birds: Birds, text: str) -> None:
    answer = birds.graph(birds.as_person("ben", "Contacts.Read"), f"/me/contacts?$filter={text}")

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Invalid filter clause")


def test_contacts_are_ordered_selected_counted_and_paged(birds: Birds) -> None:
    token = birds.as_person("ben", "Contacts.Read")

    page = birds.graph(token, "/me/contacts?$orderby=displayName desc&$select=displayName&$top=2&$count=true").json()
    following = birds.graph(token, page["@odata.nextLink"]).json()

    assert [contact["displayName"] for contact in page["value"]] == ["Zoë Wren", "Kit Kestrel"]
    assert [set(contact) for contact in page["value"]] == [{"@odata.etag", "id", "displayName"}] * 2
    assert page["@odata.count"] == 3
    assert parse_qs(urlsplit(page["@odata.nextLink"]).query)["$skip"] == ["2"]
    assert [contact["displayName"] for contact in following["value"]] == ["Amy Finch"]
    assert "@odata.nextLink" not in following


def test_a_contact_is_read_by_its_id_and_only_by_its_owner(birds: Birds) -> None:
    known = _contacts(birds)[0]

    own = birds.graph(birds.as_person("ben", "Contacts.Read"), f"/me/contacts/{known['id']}").json()
    of_app = birds.graph(birds.as_app("Contacts.Read"), f"/users/{oid('ben')}/contacts('{known['id']}')").json()
    other = birds.graph(birds.as_person("ada", "Contacts.Read"), f"/me/contacts/{known['id']}")

    assert {**own, "@odata.context": ""} == {**known, "@odata.context": ""}
    assert of_app["id"] == known["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (404, "ErrorItemNotFound")


def test_there_are_no_folders_beside_the_default_one(birds: Birds) -> None:
    assert birds.graph(birds.as_person("ben", "Contacts.Read"), "/me/contactFolders").json()["value"] == []


def test_mailbox_settings_tell_the_time_zone_in_windows_words(birds: Birds) -> None:
    token = birds.as_person("ben", "MailboxSettings.Read")

    settings = birds.graph(token, "/me/mailboxSettings").json()
    zone = birds.graph(token, "/me/mailboxSettings/timeZone").json()
    hours = birds.graph(token, "/me/mailboxSettings/workingHours").json()

    assert settings["timeZone"] == zone["value"] == hours["timeZone"]["name"] == "Romance Standard Time"
    assert settings["language"]["locale"]
    assert settings["automaticRepliesSetting"]["status"] == "disabled"
    assert birds.graph(token, "/me/mailboxSettings/colour").status_code == 404


def test_the_time_zone_may_be_changed(flock: Birds) -> None:
    token = flock.as_person("ben", "MailboxSettings.ReadWrite")

    changed = flock.send(token, "PATCH", "/me/mailboxSettings", {"timeZone": "Pacific Standard Time"})

    assert (changed.status_code, changed.json()["timeZone"]) == (200, "Pacific Standard Time")
    assert flock.graph(token, "/me/mailboxSettings").json()["timeZone"] == "Pacific Standard Time"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"timeZone": "Mars/Olympus"}, 400), ({"timeZone": 5}, 400), ({"colour": "red"}, 400), ({"dateFormat": "x"}, 501)],
)
def test_other_changes_of_the_settings_are_refused(birds: Birds, body: dict[str, Any], status: int) -> None:
    token = birds.as_person("ben", "MailboxSettings.ReadWrite")

    answer = birds.send(token, "PATCH", "/me/mailboxSettings", body)

    assert (answer.status_code, bool(answer.json()["error"]["code"])) == (status, True)
