"""In which part of a request the answer comes, and at which address the question may be asked."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from tests.simulated import form_of
from tests.simulator.client import Client


@pytest.mark.parametrize("mode", ["query", "fragment"])
def test_the_answer_comes_in_the_part_of_the_address_that_was_asked_for(client: Client, mode: str) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    answer = browser.get(client.authorize_url(response_mode=mode), allow_redirects=False)

    parts = urlsplit(answer.headers["Location"])
    assert "code" in parse_qs(getattr(parts, mode))
    assert not (parts.fragment if mode == "query" else parts.query)


def test_form_post_sends_a_form_to_the_application_and_to_no_other(client: Client) -> None:
    browser = client.simulator.http()
    client.simulator.sign_in(client.authorize_url(), session=browser)

    page = browser.get(client.authorize_url(response_mode="form_post"))

    action, fields = form_of(page)
    assert action == client.simulator.redirect_uri
    assert fields["state"] == "state-of-the-client"
    assert fields["code"]
    assert "form-action 'self' http://localhost:8000" in page.headers["Content-Security-Policy"]


def test_a_post_with_the_request_in_its_body_is_the_same_request(client: Client) -> None:
    url, _, query = client.authorize_url().partition("?")

    page = client.http.post(url, data=dict(parse_qsl(query)))

    assert "Pick an account" in page.text


def test_the_authorize_address_on_the_machines_origin_leads_to_the_pages(client: Client) -> None:
    url = client.authorize_url().replace(client.simulator.human_url, client.simulator.origin)

    answer = client.http.get(url, allow_redirects=False)

    assert answer.headers["Location"] == client.authorize_url()
