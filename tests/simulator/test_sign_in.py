"""The pages between a client and its code."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import pytest
import requests

from tests.simulated import PASSWORD, form_of
from tests.simulator.client import ALICE, BOB, Client

EVE = "http://localhost:8000/somewhere/else/"


def test_a_redirect_address_that_is_not_registered_is_never_redirected_to(client: Client) -> None:
    for redirect_uri in (EVE, client.simulator.redirect_uri + "x", ""):
        page = client.http.get(client.authorize_url(redirect_uri=redirect_uri), allow_redirects=False)

        assert page.status_code == 400
        assert "AADSTS50011" in page.text
        assert "Location" not in page.headers


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": None}, "AADSTS900144"),
        ({"client_id": "not-a-guid"}, "AADSTS700038"),
        ({"client_id": "00000000-0000-0000-0000-00000000dead"}, "AADSTS700016"),
    ],
)
def test_an_unknown_application_gets_a_page(client: Client, changes: dict[str, str | None], code: str) -> None:
    page = client.http.get(client.authorize_url(**changes), allow_redirects=False)

    assert page.status_code == 400
    assert code in page.text


def test_an_unknown_tenant_gets_a_page(client: Client) -> None:
    page = client.http.get(client.authorize_url("nowhere.example"), allow_redirects=False)

    assert page.status_code == 400
    assert "AADSTS90002" in page.text


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"response_type": None}, "invalid_request", "AADSTS900144"),
        ({"response_type": "token"}, "unsupported_response_type", "AADSTS70005"),
        ({"scope": ""}, "invalid_scope", "AADSTS70011"),
        ({"scope": "openid https://graph.microsoft.com/.default Calendars.Read"}, "invalid_scope", "AADSTS70011"),
        ({"scope": "openid https://vault.azure.net/user_impersonation"}, "invalid_resource", "AADSTS500011"),
        ({"scope": "openid Calendars.Reed"}, "invalid_client", "AADSTS650053"),
        ({"code_challenge": "short"}, "invalid_request", "AADSTS501491"),
        ({"code_challenge_method": "S512"}, "invalid_request", "AADSTS90023"),
        ({"prompt": "please"}, "invalid_request", "AADSTS90023"),
        ({"response_mode": "pigeon"}, "invalid_request", "AADSTS90023"),
        ({"prompt": "none"}, "login_required", "AADSTS50058"),
    ],
)
def test_a_senseless_request_goes_back_with_its_reason(
    client: Client, changes: dict[str, str | None], error: str, code: str
) -> None:
    answer = client.http.get(client.authorize_url(**changes), allow_redirects=False)

    sent = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert answer.headers["Location"].startswith(client.simulator.redirect_uri)
    assert sent["error"] == [error]
    assert sent["error_description"][0].startswith(code)
    assert sent["state"] == ["state-of-the-client"]


def test_the_account_page_lists_everybody_of_the_directory(client: Client) -> None:
    everywhere = client.http.get(client.authorize_url()).text
    at_kestrel = client.http.get(client.authorize_url("kestrel.example")).text

    assert "mallory@corvid.example" in everywhere
    assert ALICE in everywhere
    assert "mallory@corvid.example" not in at_kestrel


def test_accepting_leads_back_with_a_code_and_the_state(client: Client) -> None:
    sent = client.simulator.sign_in(client.authorize_url(client_info="1"))

    assert set(sent) == {"code", "client_info", "state", "session_state"}
    assert sent["state"] == "state-of-the-client"


def test_declining_leads_back_with_65004(client: Client) -> None:
    sent = client.simulator.sign_in(client.authorize_url(), answer="cancel")

    assert sent["error"] == "access_denied"
    assert sent["error_description"].startswith("AADSTS65004: User declined to consent to access the app.")
    assert sent["state"] == "state-of-the-client"
    assert client.grants() == []


@pytest.mark.parametrize("hint", [None, ALICE])
def test_cancelling_before_signing_in_says_so(client: Client, hint: str | None) -> None:
    page = client.http.get(client.authorize_url(login_hint=hint))
    action, fields = form_of(page)

    back = client.http.post(urljoin(page.url, action), data={**fields, "answer": "cancel"}, allow_redirects=False)

    sent = dict(parse_qsl(urlsplit(back.headers["Location"]).query))
    assert sent["error"] == "access_denied"
    assert sent["error_subcode"] == "cancel"


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        (ALICE, "wrong", "AADSTS50126"),
        ("nobody@kestrel.example", PASSWORD, "AADSTS50034"),
        ("otto@kestrel.example", PASSWORD, "AADSTS50057"),
    ],
)
def test_who_cannot_sign_in_is_told_why(client: Client, name: str, password: str, code: str) -> None:
    page = client.http.get(client.authorize_url(login_hint=name))

    page = _submit(client.http, page, name=name, password=password)

    assert page.status_code == 200
    assert code in page.text
    assert "sim_session" not in client.http.cookies


def test_somebody_of_another_directory_cannot_sign_in(client: Client) -> None:
    page = client.http.get(client.authorize_url("kestrel.example", login_hint="mallory@corvid.example"))

    page = _submit(client.http, page, name="mallory@corvid.example", password=PASSWORD)

    assert "AADSTS50020" in page.text


def test_id_tokens_come_only_where_the_registration_allows_them(client: Client) -> None:
    answer = client.http.get(client.authorize_url(response_type="code id_token"), allow_redirects=False)

    sent = parse_qs(urlsplit(answer.headers["Location"]).fragment)
    assert sent["error"] == ["unsupported_response_type"]
    assert sent["error_description"][0].startswith("AADSTS700054")


def test_consent_is_asked_once(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    again = browser.get(client.authorize_url(), allow_redirects=False)

    assert "code" in parse_qs(urlsplit(again.headers["Location"]).query)


def test_more_permissions_are_asked_for_again(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(scope="openid Calendars.ReadWrite"))

    assert "Have full access to your calendars" in page.text


def test_prompt_consent_asks_although_it_was_granted(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(prompt="consent"))

    assert "Meridian asks for permission" in page.text


def test_prompt_login_asks_for_the_password_although_signed_in(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(prompt="login", login_hint=ALICE))

    assert 'name="password"' in page.text


def test_prompt_select_account_shows_all_accounts_and_then_goes_on(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(prompt="select_account"))
    sent = client.simulator.sign_in(client.authorize_url(prompt="select_account"), BOB, session=browser)

    assert "Pick an account" in page.text
    assert "code" in sent


def test_prompt_none_is_silent_for_who_has_consented_and_refused_for_more(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    silent = browser.get(client.authorize_url(prompt="none"), allow_redirects=False)
    more = browser.get(client.authorize_url(prompt="none", scope="openid Contacts.Read"), allow_redirects=False)

    assert "code" in parse_qs(urlsplit(silent.headers["Location"]).query)
    assert parse_qs(urlsplit(more.headers["Location"]).query)["error"] == ["interaction_required"]


def test_a_login_hint_for_somebody_else_does_not_use_the_session(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(login_hint=BOB))

    assert f'value="{BOB}"' in page.text


def test_permissions_for_administrators_need_one(client: Client) -> None:
    url = client.authorize_url(scope="openid Directory.Read.All")
    browser = client.simulator.http()
    page = browser.get(client.authorize_url(scope="openid Directory.Read.All", login_hint=ALICE))

    page = _submit(browser, page, name=ALICE, password=PASSWORD)
    sent = client.simulator.sign_in(url, ALICE)
    by_admin = client.simulator.sign_in(url, "dana@kestrel.example")

    assert "Need admin approval" in page.text
    assert (sent["error"], sent["error_subcode"]) == ("access_denied", "cancel")
    assert sent["error_description"].startswith("AADSTS90094: An administrator of Kestrel & Co")
    assert "code" in by_admin


def test_a_consent_page_made_for_one_person_is_not_answered_by_another(client: Client) -> None:
    browser = client.simulator.http()
    page = browser.get(client.authorize_url(login_hint=ALICE))
    consent_for_alice = _submit(browser, page, name=ALICE, password=PASSWORD)
    other_tab = browser.get(client.authorize_url(login_hint=BOB, prompt="login"))
    _submit(browser, other_tab, name=BOB, password=PASSWORD)

    page = _submit(browser, consent_for_alice, answer="accept")

    assert "Pick an account" in page.text
    assert client.grants() == []


@pytest.mark.parametrize("step", ["login", "consent"])
def test_a_forged_form_changes_nothing(client: Client, step: str) -> None:
    browser = client.simulator.http()
    query = urlsplit(client.authorize_url()).query
    client.simulator.sign_in(client.authorize_url(), answer="cancel", session=browser)

    answer = browser.post(
        f"{client.simulator.human_url}/organizations/{step}?{query}",
        data={"name": ALICE, "password": PASSWORD, "answer": "accept"},
        headers={"Origin": "http://elsewhere.example"},
        allow_redirects=False,
    )

    assert answer.status_code == 403
    assert client.grants() == []


def test_pages_carry_a_strict_policy(client: Client) -> None:
    policy = client.http.get(client.authorize_url()).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_what_people_type_is_never_markup(client: Client) -> None:
    page = client.http.get(client.authorize_url(login_hint='"><script>alert(1)</script>'))

    assert "<script>alert" not in page.text


def _submit(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    action, hidden = form_of(page)
    return browser.post(urljoin(page.url, action), data={**hidden, **fields}, timeout=30)
