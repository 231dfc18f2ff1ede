"""A second factor: by the person's own setting, or because an application demands it."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
import requests

from tests.simulated import PASSWORD, form_of
from tests.simulator.client import payload
from tests.simulator.rookery import Rooks, sent_back

BEN = "ben@open.example"
MIA = "mia@open.example"


def test_who_needs_a_second_factor_is_shown_a_number_and_types_it(rooks: Rooks) -> None:
    page = _password_given(rooks, rooks.http, MIA)

    sent = rooks.walk(MIA)
    token = rooks.redeem(sent["code"]).json()["access_token"]

    assert "Approve sign-in request" in page.text
    assert payload(token)["amr"] == ["pwd", "mfa"]


def test_it_is_given_once_in_a_session(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(MIA, session=browser)

    assert "code" in sent_back(browser.get(rooks.authorize_url(), allow_redirects=False))


def test_a_wrong_number_lets_nobody_in_and_a_new_one_is_shown(rooks: Rooks) -> None:
    page = _password_given(rooks, rooks.http, MIA)

    again = _submit(rooks.http, page, number="00", answer="approve")
    silent = rooks.http.get(rooks.authorize_url(prompt="none"), allow_redirects=False)

    assert "That is not the number" in again.text
    assert sent_back(silent)["error_description"].startswith("AADSTS50076:")


def test_denying_it_is_said_and_can_be_tried_again(rooks: Rooks) -> None:
    page = _password_given(rooks, rooks.http, MIA)

    denied = _submit(rooks.http, page, answer="deny")

    assert "AADSTS500121" in denied.text
    assert 'value="approve"' in denied.text


def test_giving_up_before_the_second_factor_is_a_cancellation(rooks: Rooks) -> None:
    sent = rooks.walk(MIA, mfa="cancel")

    assert (sent["error"], sent["error_subcode"]) == ("access_denied", "cancel")


@pytest.mark.parametrize(
    "claims",
    [
        '{"access_token":{"capolids":{"essential":true,"values":["4b2f0a6e-6a0c-4f0e-8c3b-1d7f5a9e2c10"]}}}',
        '{"id_token":{"acrs":{"essential":true,"value":"c1"}}}',
        '{"id_token":{"amr":{"essential":true,"values":["mfa"]}}}',
    ],
)
def test_claims_that_demand_more_lead_to_the_second_factor(rooks: Rooks, claims: str) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)

    page = browser.get(rooks.authorize_url(claims=claims))
    sent = rooks.walk(BEN, rooks.authorize_url(claims=claims), session=browser)

    assert "Approve sign-in request" in page.text
    assert payload(rooks.redeem(sent["code"]).json()["access_token"])["amr"] == ["pwd", "mfa"]


def test_the_claims_of_a_refused_refresh_lead_to_tokens_that_refresh_again(rooks: Rooks) -> None:
    first = rooks.redeem(rooks.walk(BEN)["code"]).json()
    rooks.person(BEN, "require-mfa")
    refused = rooks.refresh(first["refresh_token"]).json()

    sent = rooks.walk(BEN, rooks.authorize_url(claims=refused["claims"]))
    second = rooks.redeem(sent["code"]).json()

    assert refused["error_codes"] == [50076]
    assert rooks.refresh(second["refresh_token"]).status_code == 200


def test_client_capabilities_ask_nothing_of_the_person(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)

    answer = browser.get(
        rooks.authorize_url(claims='{"access_token":{"xms_cc":{"values":["CP1"]}}}'), allow_redirects=False
    )

    assert "code" in sent_back(answer)


def test_the_consent_page_is_no_way_round_the_second_factor(rooks: Rooks) -> None:
    page = _password_given(rooks, rooks.http, MIA)
    _, hidden = form_of(page)
    oid = next(one["id"] for one in rooks.simulator.control("GET", "state")["people"] if one["sign_in_name"] == MIA)

    answer = rooks.http.post(
        page.url.replace("/login?", "/consent?"),
        data={**hidden, "answer": "accept", "person": oid},
        allow_redirects=False,
    )

    assert "Approve sign-in request" in answer.text
    assert rooks.grants() == []


def _submit(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    action, hidden = form_of(page)
    return browser.post(urljoin(page.url, action), data={**hidden, **fields}, timeout=30)


def _password_given(rooks: Rooks, browser: requests.Session, name: str) -> requests.Response:
    return _submit(browser, browser.get(rooks.authorize_url(login_hint=name)), name=name, password=PASSWORD)
