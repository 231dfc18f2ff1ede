"""Who may say yes to what, and what is kept of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.simulated import PASSWORD, form_of
from tests.simulator.rookery import CALLBACK, CAREFUL, HOME_MADE, OPEN, PLANNER, TRUSTED, Rooks, sent_back

ADA, BEN = "ada@open.example", "ben@open.example"
CAL, SAM = "cal@careful.example", "sam@strict.example"
BASIC = "openid User.Read"
FOR_ADMINS = "openid Directory.Read.All"


def test_the_page_says_what_is_asked_for_in_words_and_by_whom(rooks: Rooks) -> None:
    page = _page(rooks, BEN, rooks.authorize_url(scope="openid offline_access Calendars.Read"))

    assert "Planner asks for permission" in page.text
    assert "Published by Open &amp; Co" in page.text
    assert ">unverified<" in page.text
    assert "Read your calendars" in page.text
    assert "Maintain access to data you have given it access to" in page.text
    assert "on behalf of your organization" not in page.text


def test_a_verified_publisher_is_marked(rooks: Rooks) -> None:
    page = _page(rooks, BEN, rooks.authorize_url(client_id=TRUSTED, scope=BASIC))

    assert "verified publisher" in page.text
    assert ">unverified<" not in page.text


@pytest.mark.parametrize(
    ("name", "client_id", "scope", "heading"),
    [
        (BEN, PLANNER, BASIC, "Planner asks for permission"),
        (BEN, PLANNER, FOR_ADMINS, "Need admin approval"),
        (SAM, PLANNER, BASIC, "Need admin approval"),
        (SAM, TRUSTED, BASIC, "Need admin approval"),
        (CAL, PLANNER, BASIC, "Approval required"),
        (CAL, TRUSTED, BASIC, "Trusted asks for permission"),
        (CAL, HOME_MADE, BASIC, "Home-made asks for permission"),
        (CAL, TRUSTED, FOR_ADMINS, "Approval required"),
        ("sue@strict.example", PLANNER, BASIC, "Planner asks for permission"),
        ("cleo@careful.example", PLANNER, FOR_ADMINS, "Planner asks for permission"),
    ],
)
def test_who_may_consent_to_what_is_the_organizations_setting(
    rooks: Rooks, name: str, client_id: str, scope: str, heading: str
) -> None:
    page = _page(rooks, name, rooks.authorize_url(client_id=client_id, scope=scope))

    assert f"<h1>{heading}</h1>" in page.text


@pytest.mark.parametrize(("name", "code"), [(SAM, "AADSTS90094"), (CAL, "AADSTS90095")])
def test_leaving_without_approval_goes_back_cancelled(rooks: Rooks, name: str, code: str) -> None:
    sent = rooks.walk(name, justification="")

    assert (sent["error"], sent["error_subcode"]) == ("access_denied", "cancel")
    assert sent["error_description"].startswith(f"{code}:")
    assert sent["state"] == "state-of-the-client"
    assert rooks.grants() == []


def test_the_setting_counts_when_the_form_is_sent_too(rooks: Rooks) -> None:
    page = _page(rooks, BEN, rooks.authorize_url(scope=BASIC))
    rooks.simulator.control("POST", f"tenants/{OPEN}/user-consent", {"setting": "not_allowed"})

    answer = _submit(rooks.http, page, answer="accept")

    assert "Need admin approval" in answer.text
    assert rooks.grants() == []


def test_asking_for_approval_is_recorded(rooks: Rooks) -> None:
    sent = rooks.walk(CAL, rooks.authorize_url(scope=BASIC), justification="I plan the quarter.")

    asked = rooks.simulator.control("GET", "state")["approvals"]
    assert [(one["who"], one["client_id"], one["justification"]) for one in asked] == [
        (CAL, PLANNER, "I plan the quarter.")
    ]
    assert asked[0]["permissions"] == ["openid", "User.Read"]
    assert sent["error"] == "access_denied"
    assert sent["error_description"].startswith("AADSTS90095:")


def test_asking_again_replaces_the_earlier_request(rooks: Rooks) -> None:
    for reason in ("First.", "Second."):
        rooks.walk(CAL, justification=reason)

    assert [one["justification"] for one in rooks.simulator.control("GET", "state")["approvals"]] == ["Second."]


def test_a_request_is_settled_by_an_administrators_consent(rooks: Rooks) -> None:
    rooks.walk(CAL, rooks.authorize_url(scope=BASIC))

    rooks.walk("cleo@careful.example", rooks.authorize_url(scope=BASIC), for_everybody=True)

    assert rooks.simulator.control("GET", "state")["approvals"] == []
    assert "code" in rooks.walk(CAL, rooks.authorize_url(scope=BASIC))


def test_an_administrator_consents_for_themselves_or_for_everybody(rooks: Rooks) -> None:
    page = _page(rooks, ADA, rooks.authorize_url(scope=BASIC))
    rooks.walk(ADA, rooks.authorize_url(scope=BASIC))
    alone = [one["person"] for one in rooks.grants()]
    rooks.walk(ADA, rooks.authorize_url(scope=BASIC, prompt="consent"), for_everybody=True)

    assert "Consent on behalf of your organization" in page.text
    assert alone == [ADA]
    assert {one["person"] for one in rooks.grants()} == {ADA, None}


def test_what_was_granted_for_everybody_asks_nobody_else(rooks: Rooks) -> None:
    rooks.walk(ADA, rooks.authorize_url(scope=FOR_ADMINS), for_everybody=True)

    page = _page(rooks, BEN, rooks.authorize_url(scope=FOR_ADMINS), follow=False)

    assert "code" in sent_back(page)
    assert [one["person"] for one in rooks.grants()] == [None]


def test_asking_again_for_what_an_administrator_granted_adds_nothing(rooks: Rooks) -> None:
    url = rooks.authorize_url(scope=FOR_ADMINS, prompt="consent")
    rooks.walk(ADA, url, for_everybody=True)

    sent = rooks.walk(BEN, url)

    assert "code" in sent
    assert [one["person"] for one in rooks.grants()] == [None]


def test_it_counts_in_that_organization_only(rooks: Rooks) -> None:
    rooks.walk(ADA, rooks.authorize_url(scope=BASIC), for_everybody=True)

    page = _page(rooks, CAL, rooks.authorize_url(scope=BASIC))

    assert "<h1>Approval required</h1>" in page.text


def test_nobody_else_can_consent_for_everybody(rooks: Rooks) -> None:
    page = _page(rooks, BEN, rooks.authorize_url(scope=BASIC))

    _submit(rooks.http, page, follow=False, answer="accept", for_everybody="on")

    assert [one["person"] for one in rooks.grants()] == [BEN]


def test_declining_is_65004_with_its_address(rooks: Rooks) -> None:
    sent = rooks.walk(BEN, answer="cancel")

    assert sent["error"] == "access_denied"
    assert sent["error_description"].startswith("AADSTS65004: User declined to consent to access the app.")
    assert sent["error_uri"].endswith("?code=65004")
    assert "error_subcode" not in sent


def test_what_was_withdrawn_is_asked_for_again(rooks: Rooks) -> None:
    rooks.walk(BEN, rooks.authorize_url(scope=BASIC))
    rooks.person(BEN, "withdraw-consent")

    page = _page(rooks, BEN, rooks.authorize_url(scope=BASIC))

    assert "Planner asks for permission" in page.text


def test_why_it_went_as_it_did_is_in_the_request_log(rooks: Rooks) -> None:
    rooks.walk(SAM)

    told = [entry["why"] for entry in _log(rooks)]
    assert any(CAREFUL not in why and "administrator" in why.lower() for why in told), told


def _log(rooks: Rooks) -> list[dict[str, Any]]:
    return list(rooks.simulator.control("GET", "log")["entries"])


def _page(rooks: Rooks, name: str, url: str, *, follow: bool = True) -> requests.Response:
    """What somebody meets right after the password."""
    page = rooks.http.get(f"{url}&login_hint={name}")
    return _submit(rooks.http, page, follow=follow, name=name, password=PASSWORD)


def _submit(
    browser: requests.Session, page: requests.Response, *, follow: bool = True, **fields: str
) -> requests.Response:
    action, hidden = form_of(page)
    there = urljoin(page.url, action)
    answer = browser.post(there, data={**hidden, **fields}, allow_redirects=False, timeout=30)
    assert follow is not answer.headers.get("Location", "").startswith(CALLBACK), answer.headers
    return answer
