"""What an authorization request may say, and where its answer goes."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests

from tests.simulated import PASSWORD, form_of
from tests.simulator.client import CHALLENGE, VERIFIER, payload
from tests.simulator.rookery import BARE, CALLBACK, NATIVE, SPA, Rooks, sent_back

BEN = "ben@open.example"


@pytest.fixture
def ben(rooks: Rooks) -> requests.Session:
    """A browser in which Ben is signed in and has consented."""
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)
    return browser


def test_a_refusal_on_a_page_has_microsofts_shape(rooks: Rooks) -> None:
    correlation = "0b1d2c3e-4f50-4a61-8b72-9c83ad94be05"
    url = rooks.authorize_url(redirect_uri="http://localhost:1/elsewhere")

    page = rooks.http.get(f"{url}&client-request-id={correlation}")

    assert "Sorry, but we’re having trouble signing you in" in page.text
    assert "AADSTS50011: The redirect URI &#x27;http://localhost:1/elsewhere&#x27;" in page.text
    assert correlation in page.text
    for name in ("Trace ID", "Correlation ID", "Timestamp"):
        assert f"<dt>{name}</dt>" in page.text


def test_a_registration_without_addresses_is_told_so(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url(client_id=BARE), allow_redirects=False)

    assert page.status_code == 400
    assert "AADSTS900971" in page.text


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("http://localhost/app", True),
        ("http://localhost:49152/app", True),
        ("http://localhost:49152/other", False),
        ("http://elsewhere.example:49152/app", False),
        ("http://localhost:99999999/app", False),
        ("http://ben@localhost:1/app", False),
    ],
)
def test_an_installed_application_may_listen_on_any_port_of_this_machine(
    rooks: Rooks, address: str, is_good: bool
) -> None:
    page = rooks.http.get(rooks.authorize_url(client_id=NATIVE, redirect_uri=address), allow_redirects=False)

    assert (page.status_code == 200) is is_good
    assert ("AADSTS50011" in page.text) is not is_good


def test_an_installed_application_may_have_a_scheme_of_its_own(rooks: Rooks) -> None:
    url = rooks.authorize_url(client_id=NATIVE, redirect_uri="app.native:/back")

    page = rooks.http.get(url)
    sent = rooks.walk(BEN, url)

    assert page.headers["Content-Security-Policy"].endswith("form-action 'self' app.native:")
    assert "code" in sent


def test_a_web_application_keeps_to_its_port(rooks: Rooks) -> None:
    address = CALLBACK.replace(":8000", ":8001")

    page = rooks.http.get(rooks.authorize_url(redirect_uri=address), allow_redirects=False)

    assert "AADSTS50011" in page.text


def test_a_parameter_that_is_there_twice_is_refused_on_a_page(rooks: Rooks) -> None:
    page = rooks.http.get(f"{rooks.authorize_url()}&state=another", allow_redirects=False)

    assert page.status_code == 400
    assert "AADSTS9000411" in page.text


def test_the_clients_own_id_of_the_request_comes_back_to_the_end(rooks: Rooks) -> None:
    correlation = "0b1d2c3e-4f50-4a61-8b72-9c83ad94be05"

    sent = rooks.walk(BEN, f"{rooks.authorize_url()}&client-request-id={correlation}", answer="cancel")

    assert f"Correlation ID: {correlation}" in sent["error_description"]


def test_a_single_page_application_needs_no_challenge_for_an_id_token_alone(
    rooks: Rooks, ben: requests.Session
) -> None:
    url = rooks.authorize_url(redirect_uri=SPA, response_type="id_token", code_challenge=None)

    assert "id_token" in sent_back(ben.get(url, allow_redirects=False))


def test_an_id_token_comes_in_the_fragment_and_says_who_it_is(rooks: Rooks, ben: requests.Session) -> None:
    answer = ben.get(rooks.authorize_url(response_type="id_token", scope="openid profile"), allow_redirects=False)

    sent = sent_back(answer)
    claims = payload(sent["id_token"])
    assert not urlsplit(answer.headers["Location"]).query
    assert set(sent) == {"id_token", "state", "session_state"}
    assert claims["preferred_username"] == BEN
    assert claims["nonce"] == "nonce-of-the-client"


def test_the_hybrid_answer_binds_the_code_to_the_id_token(rooks: Rooks, ben: requests.Session) -> None:
    answer = ben.get(rooks.authorize_url(response_type="code id_token"), allow_redirects=False)

    sent = sent_back(answer)
    half = hashlib.sha256(sent["code"].encode()).digest()[:16]
    assert payload(sent["id_token"])["c_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert rooks.redeem(sent["code"]).status_code == 200


def test_the_order_of_response_types_does_not_matter(rooks: Rooks, ben: requests.Session) -> None:
    answer = ben.get(
        rooks.authorize_url(response_type="id_token code", response_mode="form_post"), allow_redirects=False
    )

    _, fields = form_of(answer)
    assert {"code", "id_token", "state"} <= set(fields)


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"response_type": "id_token", "nonce": None}, "invalid_request", "AADSTS900144"),
        ({"response_type": "code id_token", "scope": "User.Read"}, "invalid_scope", "AADSTS70011"),
        ({"response_type": "id_token", "response_mode": "query"}, "unsupported_response_mode", "AADSTS70007"),
        ({"response_type": "id_token token"}, "unsupported_response_type", "AADSTS70005"),
        ({"claims": "{"}, "invalid_request", "AADSTS9000410"),
        ({"claims": "[]"}, "invalid_request", "AADSTS9000410"),
        ({"code_challenge": "x" * 129, "code_challenge_method": None}, "invalid_request", "AADSTS501491"),
        ({"code_challenge": "x" * 44, "code_challenge_method": "S256"}, "invalid_request", "AADSTS501491"),
        ({"redirect_uri": SPA, "code_challenge": None}, "invalid_request", "AADSTS9002325"),
    ],
)
def test_what_cannot_be_answered_goes_back_with_its_reason(
    rooks: Rooks, changes: dict[str, str | None], error: str, code: str
) -> None:
    answer = rooks.http.get(rooks.authorize_url(**changes), allow_redirects=False)

    sent = sent_back(answer)
    assert sent["error"] == error
    assert sent["error_description"].startswith(f"{code}:")
    assert sent["state"] == "state-of-the-client"


def test_errors_come_in_the_part_of_the_answer_that_was_asked_for(rooks: Rooks) -> None:
    fragment = rooks.http.get(
        rooks.authorize_url(response_mode="fragment", scope="openid Calendars.Reed"), allow_redirects=False
    )
    posted = rooks.http.get(rooks.authorize_url(response_mode="form_post", scope="openid Calendars.Reed"))

    action, fields = form_of(posted)
    assert "error=" in urlsplit(fragment.headers["Location"]).fragment
    assert (action, fields["error"]) == (CALLBACK, sent_back(fragment)["error"])


def test_a_challenge_without_a_method_is_plain(rooks: Rooks) -> None:
    sent = rooks.walk(BEN, rooks.authorize_url(code_challenge=VERIFIER, code_challenge_method=None))

    assert rooks.redeem(sent["code"], code_verifier=VERIFIER).status_code == 200


def test_a_single_page_application_is_answered_with_pkce(rooks: Rooks) -> None:
    sent = rooks.walk(BEN, rooks.authorize_url(redirect_uri=SPA, code_challenge=CHALLENGE))

    assert "code" in sent


def test_default_asks_for_what_the_registration_lists(rooks: Rooks) -> None:
    rooks.walk(BEN, rooks.authorize_url(scope="https://graph.microsoft.com/.default openid"))

    assert set(rooks.grants()[0]["scopes"]) == {"openid", "profile", "offline_access", "User.Read", "Calendars.Read"}


def test_create_and_select_account_lead_to_the_accounts(rooks: Rooks, ben: requests.Session) -> None:
    for prompt in ("create", "select_account"):
        assert "<h1>Pick an account</h1>" in ben.get(rooks.authorize_url(prompt=prompt)).text


def test_prompt_login_holds_even_after_another_look_at_the_accounts(rooks: Rooks, ben: requests.Session) -> None:
    page = ben.get(rooks.authorize_url(prompt="login", login_hint=BEN))

    accounts = ben.get(urljoin(page.url, _link(page.text, "Pick from all accounts")))
    again = ben.get(urljoin(page.url, _account(accounts.text, BEN)))

    assert 'name="password"' in again.text


def test_prompt_none_for_somebody_of_another_organization_needs_interaction(
    rooks: Rooks, ben: requests.Session
) -> None:
    answer = ben.get(rooks.authorize_url("strict.example", prompt="none"), allow_redirects=False)

    sent = sent_back(answer)
    assert sent["error"] == "interaction_required"
    assert sent["error_description"].startswith("AADSTS16000:")


def test_prompt_none_with_the_hint_of_somebody_else_needs_a_login(rooks: Rooks, ben: requests.Session) -> None:
    answer = ben.get(rooks.authorize_url(prompt="none", login_hint="ada@open.example"), allow_redirects=False)

    assert sent_back(answer)["error"] == "login_required"


@pytest.mark.parametrize(
    ("action", "code"),
    [("require-mfa", "AADSTS50076"), ("block", "AADSTS53003")],
)
def test_prompt_none_never_shows_what_stands_in_the_way(
    rooks: Rooks, ben: requests.Session, action: str, code: str
) -> None:
    rooks.person(BEN, action)

    answer = ben.get(rooks.authorize_url(prompt="none"), allow_redirects=False)

    sent = sent_back(answer)
    assert sent["error"] == "interaction_required"
    assert sent["error_description"].startswith(code)


def test_a_domain_hint_leaves_the_accounts_of_that_organization(rooks: Rooks) -> None:
    hinted = rooks.http.get(rooks.authorize_url(domain_hint="open2.example")).text
    of_nobody = rooks.http.get(rooks.authorize_url(domain_hint="nobody.example")).text

    assert BEN in hinted
    assert "sam@strict.example" not in hinted
    assert "sam@strict.example" in of_nobody


def test_a_request_may_be_posted_to_either_origin(rooks: Rooks) -> None:
    url, _, query = rooks.authorize_url().partition("?")
    there = url.replace(rooks.simulator.human_url, rooks.simulator.origin)

    page = rooks.http.post(there, data=dict(parse_qsl(query)))

    assert "<h1>Pick an account</h1>" in page.text


def test_a_step_without_its_request_is_refused_on_a_page(rooks: Rooks) -> None:
    rooks.http.get(rooks.authorize_url())

    for step in ("login", "renew", "second-factor", "leave", "consent", "grant"):
        token = rooks.http.cookies.get("sim_csrf", "")
        answer = rooks.http.post(
            f"{rooks.simulator.human_url}/organizations/{step}",
            data={"csrfmiddlewaretoken": token, "name": BEN, "password": PASSWORD},
            allow_redirects=False,
        )
        assert answer.status_code == 400
        assert "AADSTS900144" in answer.text


def _link(text: str, label: str) -> str:
    before = text.partition(f">{label}<")[0]
    return before.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")


def _account(text: str, name: str) -> str:
    before = text.partition(f'<span class="address">{name}</span>')[0]
    return before.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
