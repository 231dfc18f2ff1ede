"""OpenID Connect as web applications use it to sign people in: what the id_token says, and the lies on order."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
import requests

from tests.simulated import PASSWORD, Simulator, form_of
from tests.simulator.client import ALICE, BOB, Client, header, payload

APP = "4b8f2e63-9a17-4d50-8c3e-7f1b0d6a9e24"
SECRET = "kestrel-single-sign-on-1"
CALLBACK = "http://localhost:8000/auth/sso/kestrel-openid/callback/"
TENANT = "kestrel.example"
TID = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
HERE = f"applications/{APP}/tenants/{TENANT}"
SIGN_IN = "openid profile email"


@pytest.fixture
def portal(client: Client) -> Portal:
    return Portal(client)


class Portal:
    """The web application that lets people sign in."""

    def __init__(self, client: Client) -> None:
        self.client, self.simulator = client, client.simulator

    def address(self, **changes: str | None) -> str:
        wanted = {"client_id": APP, "redirect_uri": CALLBACK, "scope": SIGN_IN, **changes}
        return self.client.authorize_url(TID, **wanted)

    def answer(
        self, name: str = ALICE, session: requests.Session | None = None, **changes: str | None
    ) -> dict[str, Any]:
        sent = self.simulator.sign_in(self.address(**changes), name, session=session)
        assert "code" in sent, sent
        told = self.client.redeem(
            sent["code"], TID, client_id=APP, client_secret=SECRET, redirect_uri=CALLBACK, scope=SIGN_IN
        )
        assert told.status_code == 200, told.text
        return dict(told.json())

    def token(self, name: str = ALICE, session: requests.Session | None = None, **changes: str | None) -> str:
        return str(self.answer(name, session, **changes)["id_token"])

    def claims(self, name: str = ALICE, session: requests.Session | None = None, **changes: str | None) -> Any:
        return payload(self.token(name, session, **changes))

    def lie(self, name: str, **parameters: object) -> None:
        self.simulator.control("POST", f"{HERE}/{name}", parameters)

    def verified(self, token: str) -> dict[str, Any]:
        """As a client does: the issuer of the discovery document, its keys, its own audience."""
        found = _json(self.simulator, f"{TID}/v2.0/.well-known/openid-configuration")
        keys = jwt.PyJWKSet.from_dict(_json(self.simulator, f"{TID}/discovery/v2.0/keys"))
        key = keys[header(token)["kid"]]
        return dict(jwt.decode(token, key, algorithms=["RS256"], audience=APP, issuer=found["issuer"]))


def _json(simulator: Simulator, path: str) -> Any:
    return simulator.http().get(f"{simulator.origin}/{path}", timeout=30).json()


def test_nobody_of_the_organization_is_asked_for_consent(portal: Portal) -> None:
    browser = portal.simulator.http()
    page = browser.get(portal.address(login_hint=ALICE), timeout=30)
    action, fields = form_of(page)

    fields |= {"name": ALICE, "password": PASSWORD, "answer": "sign-in"}
    back = browser.post(f"{portal.simulator.human_url}{action}", data=fields, allow_redirects=False, timeout=30)

    assert back.headers["Location"].startswith(f"{CALLBACK}?code=")


def test_an_id_token_says_who_it_is(portal: Portal) -> None:
    claims = portal.verified(portal.token())

    state = portal.simulator.control("GET", f"people/{ALICE}")
    assert claims["tid"] == TID
    assert claims["oid"] == state["id"]
    assert (claims["email"], claims["preferred_username"], claims["name"]) == (ALICE, ALICE, "Alice Moreau")
    assert claims["nonce"] == "nonce-of-the-client"
    assert claims["sid"]
    assert claims["sub"] != claims["oid"]
    assert claims["roles"] == ["Portal.User"]
    assert claims["groups"] == list(state["groups"].values())
    assert "auth_time" not in claims


def test_a_guest_is_of_another_organization(portal: Portal) -> None:
    claims = portal.claims("erin@partner.example")

    assert claims["tid"] == TID
    assert claims["idp"] != claims["iss"]
    assert "idp" not in portal.claims()


def test_the_same_person_is_another_subject_to_each_application(portal: Portal) -> None:
    elsewhere = payload(portal.client.connect()["id_token"])

    assert portal.claims()["sub"] == portal.claims()["sub"] != elsewhere["sub"]
    assert "roles" not in elsewhere
    assert "groups" not in elsewhere


def test_the_access_token_of_a_sign_in_opens_userinfo(portal: Portal) -> None:
    answer = portal.answer()

    told = portal.client.http.get(
        f"{portal.simulator.origin}/oidc/userinfo",
        headers={"Authorization": f"Bearer {answer['access_token']}"},
        timeout=30,
    ).json()

    assert told["name"] == "Alice Moreau"
    assert told["email"] == ALICE


def test_max_age_asks_again_who_signed_in_too_long_ago(portal: Portal) -> None:
    browser = portal.simulator.http()
    first = portal.claims(session=browser, max_age="300")

    silent = browser.get(portal.address(max_age="300", prompt="none"), allow_redirects=False, timeout=30)
    page = browser.get(portal.address(max_age="0"), timeout=30)
    refused = browser.get(portal.address(max_age="0", prompt="none"), allow_redirects=False, timeout=30)
    again = portal.claims(session=browser, max_age="0")

    assert "code=" in silent.headers["Location"]
    assert 'type="password"' in page.text
    assert "error=login_required" in refused.headers["Location"]
    assert first["auth_time"] <= again["auth_time"] <= again["iat"]


def test_a_max_age_that_is_no_number_is_refused(portal: Portal) -> None:
    for text in ("-1", "soon", "1.5"):
        back = portal.client.http.get(portal.address(max_age=text), allow_redirects=False, timeout=30)

        assert "AADSTS90023" in back.headers["Location"]


def test_prompt_login_tells_when_they_signed_in(portal: Portal) -> None:
    browser = portal.simulator.http()
    portal.claims(session=browser)

    assert 'type="password"' in browser.get(portal.address(prompt="login"), timeout=30).text
    assert "auth_time" in portal.claims(session=browser, prompt="login")
    wished = '{"id_token": {"auth_time": {"essential": true}}}'
    assert "auth_time" in portal.claims(session=browser, claims=wished)


def test_who_is_not_assigned_is_sent_back_with_50105(portal: Portal) -> None:
    portal.lie("require-assignment", on=True)
    portal.lie("assign", people=[BOB])

    sent = portal.simulator.sign_in(portal.address(), ALICE)

    assert sent["error_description"].startswith("AADSTS50105")
    assert portal.claims(BOB)["preferred_username"] == BOB


def test_groups_are_named_if_the_registration_says_so(portal: Portal) -> None:
    portal.client.person(ALICE, "groups", {"groups": [f"G{number}" for number in range(200)]})
    listed = portal.claims()
    portal.client.person(ALICE, "groups", {"groups": [f"G{number}" for number in range(201)]})
    linked = portal.claims()
    portal.simulator.control("POST", f"applications/{APP}/tell-groups", {"on": False})
    silent = portal.claims()

    assert len(listed["groups"]) == 200
    assert "groups" not in linked
    assert linked["_claim_names"] == {"groups": "src1"}
    assert linked["_claim_sources"]["src1"]["endpoint"].endswith("/getMemberObjects")
    assert {"groups", "_claim_names"} & set(silent) == set()


def test_roles_are_assigned_to_people(portal: Portal) -> None:
    portal.lie("assign-role", role="Portal.Admin", people=[ALICE])

    assert portal.claims()["roles"] == ["Portal.User", "Portal.Admin"]
    assert "roles" not in portal.claims("nora@kestrel.example")
    with pytest.raises(requests.HTTPError):
        portal.lie("assign-role", role="Portal.Owner", people=[ALICE])


def test_people_of_other_organizations_do_not_come_in(portal: Portal) -> None:
    browser = portal.simulator.http()
    page = browser.get(portal.address(login_hint="mallory@corvid.example"), timeout=30)
    action, fields = form_of(page)

    fields |= {"name": "mallory@corvid.example", "password": PASSWORD, "answer": "sign-in"}
    page = browser.post(f"{portal.simulator.human_url}{action}", data=fields, timeout=30)

    assert "AADSTS50020" in page.text


# ── What is wrong on order ──────────────────────────────────────────────────
def test_an_id_token_without_signature_or_with_a_wrong_one(portal: Portal) -> None:
    portal.lie("sso-signature", signature="none")
    unsigned = portal.token()
    portal.lie("sso-signature", signature="broken")
    broken = portal.token()

    assert header(unsigned)["alg"] == "none"
    with pytest.raises(jwt.InvalidSignatureError):
        portal.verified(broken)


def test_an_id_token_of_a_key_that_is_not_published(portal: Portal) -> None:
    portal.lie("sso-certificate", certificate="unpublished")

    with pytest.raises(KeyError):
        portal.verified(portal.token())


@pytest.mark.parametrize(
    ("behind", "problem"), [(True, jwt.ExpiredSignatureError), (False, jwt.ImmatureSignatureError)]
)
def test_an_id_token_of_a_clock_that_is_wrong(portal: Portal, behind: bool, problem: type[Exception]) -> None:
    portal.lie("sso-clock", minutes=61, behind=behind)

    with pytest.raises(problem):
        portal.verified(portal.token())


def test_an_id_token_for_somebody_else_or_without_an_address(portal: Portal) -> None:
    portal.lie("sso-audience", on=True)
    portal.lie("sso-email", on=True)

    answer = portal.answer()

    token = answer["id_token"]
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    told = portal.client.http.get(f"{portal.simulator.origin}/oidc/userinfo", headers=bearer, timeout=30).json()
    assert ALICE not in f"{payload(token)} {told}"
    assert {"email", "preferred_username"} & {*payload(token), *told} == set()
    with pytest.raises(jwt.InvalidAudienceError):
        portal.verified(token)
    portal.lie("sso-honest")
    assert portal.verified(portal.token())["email"] == ALICE


def test_an_id_token_that_was_given_before(portal: Portal) -> None:
    last = portal.token()
    portal.lie("sso-replay", on=True)

    assert portal.token(BOB, nonce="another") == last


def test_the_console_says_what_is_wrong_on_order(portal: Portal) -> None:
    page = f"{portal.simulator.human_url}/console/applications/{APP}/tenants/{TID}"
    honest = portal.client.http.get(page, timeout=30)
    portal.lie("sso-clock", minutes=10, behind=True)
    portal.lie("sso-signature", signature="none")

    told = portal.client.http.get(page, timeout=30).text

    assert honest.status_code == 200
    assert "Sign-ins are wrong" not in honest.text
    assert "not signed; the clock is 10 min behind" in told


def test_lies_are_told_to_one_application_alone(portal: Portal) -> None:
    portal.lie("sso-signature", signature="none")

    assert header(portal.client.connect()["id_token"])["alg"] == "RS256"
