"""The end of a session in a browser."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.simulator.client import Client
from tests.simulator.rookery import SPA, Rooks


def test_signing_out_ends_the_session_and_goes_back_only_where_registered(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)
    logout = f"{client.simulator.human_url}/organizations/oauth2/v2.0/logout"

    elsewhere = browser.get(logout, params={"post_logout_redirect_uri": "https://evil.example/"}, allow_redirects=False)
    back = browser.get(
        logout, params={"post_logout_redirect_uri": client.simulator.redirect_uri}, allow_redirects=False
    )
    page = browser.get(client.authorize_url())

    assert elsewhere.status_code == 200
    assert back.headers["Location"] == client.simulator.redirect_uri
    assert "Pick an account" in page.text


def test_refresh_tokens_outlive_signing_out(client: Client) -> None:
    browser = client.simulator.http()
    code = client.simulator.sign_in(client.authorize_url(), session=browser)["code"]
    tokens = client.redeem(code).json()

    browser.get(f"{client.simulator.human_url}/organizations/oauth2/v2.0/logout")

    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_the_address_of_a_single_page_application_is_gone_back_to_with_the_state(rooks: Rooks) -> None:
    logout = f"{rooks.simulator.human_url}/open.example/oauth2/v2.0/logout"

    back = rooks.http.get(
        logout, params={"post_logout_redirect_uri": SPA, "state": "out"}, allow_redirects=False, timeout=30
    )

    assert back.headers["Location"] == f"{SPA}?state=out"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_out_is_for_everybody_even_who_is_not_signed_in(rooks: Rooks, method: str) -> None:
    logout = f"{rooks.simulator.human_url}/common/oauth2/v2.0/logout"

    page = rooks.http.request(method, logout, timeout=30)

    assert page.status_code == 200
    assert "You signed out of your account" in page.text
    assert urlsplit(page.url).path == "/common/oauth2/v2.0/logout"
