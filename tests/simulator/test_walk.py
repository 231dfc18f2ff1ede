"""Who signs in, with what, and what their organization puts in the way."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest
import requests

from tests.simulated import PASSWORD, form_of
from tests.simulator.client import payload
from tests.simulator.rookery import CALLBACK, GATED, NATIVE, OFF, OPEN, Rooks, sent_back

BEN = "ben@open.example"
MIA = "mia@open.example"
NEW = "Brand-new-1"


def test_ten_wrong_passwords_lock_the_account_for_a_while(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url(login_hint=BEN))
    wrong = [_submit(rooks.http, page, name=BEN, password="wrong") for _ in range(10)]

    right = _submit(rooks.http, page, name=BEN, password=PASSWORD)

    assert all("AADSTS50126" in answer.text for answer in wrong)
    assert "Your account is temporarily locked" in right.text
    assert "AADSTS50053" in right.text


def test_a_lock_passes(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url(login_hint=BEN))
    for _ in range(10):
        _submit(rooks.http, page, name=BEN, password="wrong")
    rooks.simulator.control("POST", f"tenants/{OPEN}/later", {"minutes": 2})

    again = _submit(rooks.http, page, name=BEN, password="wrong")
    rooks.simulator.control("POST", f"tenants/{OPEN}/later", {"minutes": 2})

    assert "AADSTS50126" in again.text
    assert "code" in rooks.walk(BEN)


def test_a_right_password_forgets_the_wrong_ones(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url(login_hint=BEN))
    for _ in range(9):
        _submit(rooks.http, page, name=BEN, password="wrong")
    rooks.walk(BEN)

    answers = [_submit(rooks.http, page, name=BEN, password="wrong") for _ in range(9)]

    assert all("AADSTS50126" in answer.text for answer in answers)
    assert "code" in rooks.walk(BEN)


def test_what_is_wrong_with_an_account_is_told_only_to_who_knows_its_password(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url(login_hint="dee@open.example"))

    guessed = _submit(rooks.http, page, name="dee@open.example", password="wrong")
    known = _submit(rooks.http, page, name="dee@open.example", password=PASSWORD)

    assert "AADSTS50126" in guessed.text
    assert "AADSTS50057" in known.text


def test_somebody_deleted_is_unknown_and_not_offered(rooks: Rooks) -> None:
    rooks.person(BEN, "delete")

    accounts = rooks.http.get(rooks.authorize_url()).text
    page = _submit(rooks.http, rooks.http.get(rooks.authorize_url(login_hint=BEN)), name=BEN, password=PASSWORD)

    assert BEN not in accounts
    assert "AADSTS50034" in page.text


def test_a_guest_signs_in_with_the_address_of_home(rooks: Rooks) -> None:
    sent = rooks.walk("gil@away.example", rooks.authorize_url("open.example"))

    claims = payload(rooks.redeem(sent["code"], "open.example").json()["id_token"])
    assert claims["preferred_username"] == "gil@away.example"
    assert claims["tid"] == OPEN


def test_somebody_who_is_not_listed_uses_another_account(rooks: Rooks) -> None:
    page = rooks.http.get(rooks.authorize_url())
    another = page.text.partition(">Use another account<")[0].rpartition('href="')[2].partition('"')[0]

    page = rooks.http.get(urljoin(page.url, another.replace("&amp;", "&")))

    assert 'name="name" type="email" value=""' in page.text


def test_the_accounts_of_an_application_of_one_organization_are_its_own(rooks: Rooks) -> None:
    at_home = rooks.http.get(rooks.authorize_url("open.example")).text

    assert BEN in at_home
    assert "cal@careful.example" not in at_home


# ── An expired password ─────────────────────────────────────────────────────
def test_an_expired_password_is_changed_on_the_way(rooks: Rooks) -> None:
    tokens = rooks.redeem(rooks.walk(BEN)["code"]).json()
    rooks.person(BEN, "expire-password")

    sent = rooks.walk(BEN, new_password=NEW)

    assert "code" in sent
    assert "code" in rooks.walk(BEN, password=NEW)
    assert rooks.refresh(tokens["refresh_token"]).status_code == 200


def test_the_refresh_tokens_of_public_clients_do_not_outlive_it(rooks: Rooks) -> None:
    url = rooks.authorize_url(client_id=NATIVE, redirect_uri="http://localhost/app")
    public = {"client_id": NATIVE, "client_secret": None}
    code = rooks.walk(BEN, url)["code"]
    tokens = rooks.redeem(code, **public, redirect_uri="http://localhost/app").json()
    rooks.person(BEN, "expire-password")

    rooks.walk(BEN, new_password=NEW)

    assert rooks.refresh(tokens["refresh_token"], **public).json()["error_codes"] == [50173]


def test_other_browsers_are_signed_out_by_a_new_password(rooks: Rooks) -> None:
    elsewhere = rooks.simulator.http()
    rooks.walk(BEN, session=elsewhere)
    rooks.person(BEN, "expire-password")

    rooks.walk(BEN, new_password=NEW)

    assert "<h1>Pick an account</h1>" in elsewhere.get(rooks.authorize_url()).text


@pytest.mark.parametrize(
    ("current", "new", "again", "said"),
    [
        ("wrong", NEW, NEW, "Your current password is incorrect."),
        (PASSWORD, "short-1A", "other-1A", "not the same"),
        (PASSWORD, "Aa-1", "Aa-1", "harder to guess"),
        (PASSWORD, "onlylowercase", "onlylowercase", "harder to guess"),
        (PASSWORD, PASSWORD, PASSWORD, "harder to guess"),
        (PASSWORD, "The-Ben-Of-1", "The-Ben-Of-1", "can’t contain your user name"),
    ],
)
def test_a_new_password_must_be_a_good_one(rooks: Rooks, current: str, new: str, again: str, said: str) -> None:
    rooks.person(BEN, "expire-password")
    page = rooks.http.get(rooks.authorize_url(login_hint=BEN))
    page = _submit(rooks.http, page, name=BEN, password=PASSWORD)

    answer = _submit(rooks.http, page, password=current, new_password=new, new_again=again)

    assert "Update your password" in page.text
    assert said in answer.text.replace("&#x27;", "’")
    with pytest.raises(AssertionError, match="The password has expired"):
        rooks.walk(BEN)


# ── The organization's rules ────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("name", "client_id", "heading", "code"),
    [
        ("rob@open.example", None, "You cannot access this right now", "AADSTS53003"),
        ("mia@open.example", GATED, "Sorry, but we’re having trouble signing you in", "AADSTS50105"),
        (BEN, OFF, "Sorry, but we’re having trouble signing you in", "AADSTS7000112"),
    ],
)
def test_a_rule_that_stops_somebody_is_a_page_with_a_way_back(
    rooks: Rooks, name: str, client_id: str | None, heading: str, code: str
) -> None:
    url = rooks.authorize_url(**({"client_id": client_id} if client_id else {}))
    browser = rooks.simulator.http()
    page = _submit(browser, browser.get(f"{url}&login_hint={name}"), name=name, password=PASSWORD)

    action, hidden = form_of(page)
    back = browser.post(urljoin(page.url, action), data={**hidden, "answer": "return"}, allow_redirects=False)

    assert heading in page.text
    assert code in page.text
    assert back.headers["Location"].startswith(CALLBACK)
    assert (sent_back(back)["error"], sent_back(back)["error_subcode"]) == ("access_denied", "cancel")
    assert sent_back(back)["error_description"].startswith(code)


def test_who_is_assigned_gets_in(rooks: Rooks) -> None:
    assert "code" in rooks.walk(BEN, rooks.authorize_url(client_id=GATED))


# ── Sessions ────────────────────────────────────────────────────────────────
def test_a_session_lasts_a_day_from_its_last_use(rooks: Rooks) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)
    asked = []

    for hours in (20, 20, 25):
        rooks.simulator.control("POST", f"tenants/{OPEN}/later", {"hours": hours})
        asked.append(browser.get(rooks.authorize_url(), allow_redirects=False).status_code)

    assert asked == [302, 302, 200]


@pytest.mark.parametrize("action", ["revoke-sessions", "disable", "delete"])
def test_a_session_ends_with_what_ends_it(rooks: Rooks, action: str) -> None:
    browser = rooks.simulator.http()
    rooks.walk(BEN, session=browser)

    rooks.person(BEN, action)

    assert "<h1>Pick an account</h1>" in browser.get(rooks.authorize_url()).text


def test_the_request_log_tells_who_and_why_and_no_secrets(rooks: Rooks) -> None:
    rooks.person(BEN, "expire-password")
    code = rooks.walk(BEN, new_password=NEW)["code"]

    entries = [one for one in rooks.simulator.control("GET", "log")["entries"] if one["who"] == BEN]
    told = json.dumps(entries)
    assert "Ben Busy’s password has expired and must be changed at the sign-in." in [one["why"] for one in entries]
    assert all(secret not in told for secret in (code, NEW, PASSWORD, "state-of-the-client"))


def test_a_fault_ordered_for_signing_in_is_met_on_a_page(rooks: Rooks) -> None:
    rooks.simulator.control("POST", "faults", {"target": "sign_in", "status": 503, "seconds": 60})

    page = rooks.http.get(rooks.authorize_url())

    assert page.status_code == 503
    assert "AADSTS90033" in page.text


def _submit(browser: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    action, hidden = form_of(page)
    return browser.post(urljoin(page.url, action), data={**hidden, **fields}, timeout=30)
