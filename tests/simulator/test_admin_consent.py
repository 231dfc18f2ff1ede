"""The two addresses at which an administrator consents for everybody, and their odd answers."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.simulated import PASSWORD
from tests.simulator.client import payload
from tests.simulator.rookery import CALLBACK, CAREFUL, GATED, OFF, OPEN, PLANNER, STRICT, Rooks

ADA, BEN = "ada@open.example", "ben@open.example"
V2 = "/v2.0"
DEFAULT = "https://graph.microsoft.com/.default"


@pytest.mark.parametrize("tenant", ["common", "organizations", OPEN, "open.example"])
def test_the_old_address_grants_all_that_the_registration_lists(rooks: Rooks, tenant: str) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(tenant))

    granted = _principal(rooks, PLANNER)
    assert sent == {"admin_consent": "True", "tenant": OPEN, "state": "state-of-the-client"}
    assert [(one["person"], set(one["scopes"])) for one in rooks.grants()] == [
        (None, {"openid", "profile", "offline_access", "User.Read", "Calendars.Read"})
    ]
    assert set(granted["roles"]) == {"Calendars.Read", "User.Read.All"}


@pytest.mark.parametrize("tenant", ["organizations", OPEN, "open2.example"])
def test_the_new_address_tells_what_it_granted(rooks: Rooks, tenant: str) -> None:
    scope = "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/User.Read"

    sent = rooks.walk(ADA, rooks.admin_url(tenant, V2, scope=scope))

    assert sent == {"admin_consent": "True", "tenant": OPEN, "scope": scope, "state": "state-of-the-client"}
    assert set(rooks.grants()[0]["scopes"]) == {"Calendars.Read", "User.Read"}
    assert _principal(rooks, PLANNER)["roles"] == []


def test_default_at_the_new_address_grants_application_permissions_too(rooks: Rooks) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(OPEN, V2, scope=DEFAULT))

    answer = rooks.token(OPEN, grant_type="client_credentials", scope=DEFAULT)
    assert "https://graph.microsoft.com/User.Read.All" in sent["scope"].split()
    assert set(payload(answer.json()["access_token"])["roles"]) == {"Calendars.Read", "User.Read.All"}


def test_nobody_is_asked_afterwards(rooks: Rooks) -> None:
    rooks.walk("sue@strict.example", rooks.admin_url(STRICT))

    assert "code" in rooks.walk("sam@strict.example")


def test_the_page_tells_delegated_from_application_permissions(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(ADA, session=browser)

    page = browser.get(rooks.admin_url())

    assert "<h1>Permissions requested</h1>" in page.text
    assert "Review for Open &amp; Co" in page.text
    delegated, own = page.text.split("On its own, without anybody being signed in")
    assert "Read your calendars" in delegated
    assert "Read calendars in all mailboxes" in own
    assert ">unverified<" in page.text


def test_cancelling_at_the_old_address_names_no_tenant(rooks: Rooks) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(), answer="cancel")

    assert set(sent) == {"error", "error_description", "error_uri", "admin_consent", "state"}
    assert (sent["error"], sent["admin_consent"]) == ("access_denied", "True")
    assert sent["error_description"].startswith("AADSTS65004:")
    assert rooks.grants() == []


def test_cancelling_at_the_new_address_is_consent_required_with_the_tenant(rooks: Rooks) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(version=V2), answer="cancel")

    assert (sent["error"], sent["admin_consent"], sent["tenant"]) == ("consent_required", "True", OPEN)
    assert sent["error_description"].startswith("AADSTS65004:")
    assert sent["state"] == "state-of-the-client"
    assert rooks.grants() == []


@pytest.mark.parametrize("version", ["", V2])
def test_who_is_no_administrator_is_told_so(rooks: Rooks, version: str) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)

    page = browser.get(rooks.admin_url(version=version))
    sent = rooks.walk(BEN, rooks.admin_url(version=version), session=browser)

    assert "<h1>Need admin approval</h1>" in page.text
    assert (sent["error"], sent["error_subcode"]) == ("access_denied", "cancel")
    assert [one["person"] for one in rooks.grants()] == [BEN]


def test_a_form_that_somebody_else_sends_grants_nothing(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, rooks.authorize_url(scope="openid"), session=browser)
    page = browser.get(rooks.admin_url())
    oid = next(one["id"] for one in rooks.simulator.control("GET", "state")["people"] if one["sign_in_name"] == BEN)

    token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = browser.post(
        f"{rooks.simulator.human_url}/organizations/grant?{urlsplit(rooks.admin_url()).query}&flow=adminconsent",
        data={"csrfmiddlewaretoken": token, "answer": "accept", "person": oid},
        allow_redirects=False,
    )

    assert "<h1>Need admin approval</h1>" in answer.text
    assert [one["scopes"] for one in rooks.grants()] == [["openid"]]


def test_an_administrator_of_another_organization_is_none_here(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(ADA, session=browser)

    page = browser.get(rooks.admin_url("careful.example"))
    sent = rooks.walk("cleo@careful.example", rooks.admin_url("careful.example"), session=browser)

    assert "<h1>Pick an account</h1>" in page.text
    assert ADA not in page.text
    assert sent["tenant"] == CAREFUL


@pytest.mark.parametrize(
    ("tenant", "version", "changes", "code"),
    [
        ("common", V2, {}, "AADSTS90130"),
        ("nowhere.example", "", {}, "AADSTS90002"),
        ("organizations", "", {"client_id": None}, "AADSTS900144"),
        ("organizations", V2, {"client_id": "70000000-0000-4000-8000-00000000dead"}, "AADSTS700016"),
        ("organizations", "", {"redirect_uri": "http://localhost:1/x"}, "AADSTS50011"),
        ("organizations", V2, {"redirect_uri": None}, "AADSTS50011"),
    ],
)
def test_what_cannot_be_answered_safely_is_a_page(
    rooks: Rooks, tenant: str, version: str, changes: dict[str, str | None], code: str
) -> None:
    page = rooks.http.get(rooks.admin_url(tenant, version, **changes), allow_redirects=False)

    assert page.status_code == 400
    assert code in page.text


@pytest.mark.parametrize(
    ("scope", "error", "code"),
    [
        (None, "invalid_request", "AADSTS900144"),
        ("https://graph.microsoft.com/Calendars.Reed", "invalid_client", "AADSTS650053"),
        (f"{DEFAULT} User.Read", "invalid_scope", "AADSTS70011"),
    ],
)
def test_the_new_address_needs_a_scope_that_makes_sense(rooks: Rooks, scope: str | None, error: str, code: str) -> None:
    answer = rooks.http.get(rooks.admin_url(version=V2, scope=scope), allow_redirects=False)

    sent = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert answer.headers["Location"].startswith(CALLBACK)
    assert (sent["error"], sent["admin_consent"]) == (error, "True")
    assert sent["error_description"].startswith(code)


def test_the_old_address_takes_no_notice_of_a_scope(rooks: Rooks) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(scope="https://graph.microsoft.com/Mail.Send"))

    assert "scope" not in sent
    assert "Mail.Send" not in rooks.grants()[0]["scopes"]


def test_cancelling_before_signing_in_is_said_with_the_mark_of_admin_consent(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.admin_url())
    token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    action = page.text.partition('<form class="actions" method="post" action="')[2].partition('"')[0]

    back = rooks.http.post(
        f"{rooks.simulator.human_url}{action.replace('&amp;', '&')}",
        data={"csrfmiddlewaretoken": token, "answer": "cancel"},
        allow_redirects=False,
    )

    sent = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
    assert (sent["error"], sent["error_subcode"], sent["admin_consent"]) == ("access_denied", "cancel", "True")


def test_the_second_factor_and_the_organizations_rules_hold_here_too(rooks: Rooks) -> None:
    rooks.person(ADA, "require-mfa")
    browser = rooks.simulator.http()
    sent = rooks.walk(ADA, rooks.admin_url(), session=browser)
    switched_off = browser.get(rooks.admin_url(client_id=OFF))

    assert sent["admin_consent"] == "True"
    assert "AADSTS7000112" in switched_off.text


def test_an_administrator_need_not_be_assigned(rooks: Rooks) -> None:
    sent = rooks.walk(ADA, rooks.admin_url(OPEN, client_id=GATED))

    assert sent["admin_consent"] == "True"


def test_an_application_that_asks_for_nothing_is_only_added(rooks: Rooks) -> None:
    rooks.walk("cleo@careful.example", rooks.admin_url(CAREFUL, client_id=GATED))

    assert _principal(rooks, GATED, CAREFUL)["roles"] == []
    assert rooks.grants() == []


@pytest.mark.parametrize("path", ["adminconsent", "adminConsent", "v2.0/adminconsent"])
def test_the_addresses_on_the_machines_origin_lead_to_the_pages(rooks: Rooks, path: str) -> None:
    query = urlsplit(rooks.admin_url(version=V2)).query

    answer = rooks.http.get(f"{rooks.simulator.origin}/{OPEN}/{path}?{query}", allow_redirects=False)
    page = rooks.http.get(answer.headers["Location"])

    assert answer.headers["Location"] == f"{rooks.simulator.human_url}/{OPEN}/{path}?{query}"
    assert "<h1>Pick an account</h1>" in page.text
    assert PASSWORD not in page.text


def _principal(rooks: Rooks, client_id: str, tenant: str = OPEN) -> dict[str, list[str]]:
    state = rooks.simulator.control("GET", "state")
    names = {one["id"]: one["name"] for one in state["tenants"]}
    found = [
        one
        for one in state["service_principals"]
        if one["client_id"] == client_id and one["tenant"] in (tenant, names[tenant])
    ]
    return dict(found[0])
