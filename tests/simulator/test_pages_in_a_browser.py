"""The pages in a real browser: by keyboard, under their own strict policy, for everybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.simulated import PASSWORD, Simulator
from tests.simulator.client import Client
from tests.simulator.rookery import OFF, Rooks


class _Application(BaseHTTPRequestHandler):
    """Another origin that waits for the answer."""

    def do_GET(self) -> None:
        self._arrived()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._arrived()

    def _arrived(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Arrived</title><link rel=icon href='data:,'>arrived")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A simulator whose application really listens."""
    application = HTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    directory: Path = tmp_path_factory.mktemp("browser")
    simulator = Simulator().start(directory, f"http://localhost:{application.server_port}/callback/")
    yield Client(simulator)
    simulator.stop()
    application.shutdown()
    application.server_close()


@pytest.fixture(autouse=True)
def _as_on_the_first_day(asking: Client) -> None:
    asking.simulator.control("POST", "reset")


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser says against a page: a blocked form or style is a fault of the page."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_the_whole_way_by_keyboard(page: Page, asking: Client, complaints: list[str]) -> None:
    page.goto(asking.authorize_url())
    page.get_by_role("link", name="Alice Moreau").press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Accept").press("Enter")

    page.wait_for_url(f"{asking.simulator.redirect_uri}?**")

    assert "code=" in page.url
    assert complaints == []


@pytest.mark.parametrize("has_script", [True, False])
def test_form_post_arrives_with_and_without_a_script(browser: Any, asking: Client, has_script: bool) -> None:
    context = browser.new_context(java_script_enabled=has_script)
    page = context.new_page()
    page.goto(asking.authorize_url(login_hint="bob@kestrel.example", response_mode="form_post"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Accept").click()
    if not has_script:
        page.get_by_role("button", name="Go on").click()

    page.wait_for_url(asking.simulator.redirect_uri)

    assert page.title() == "Arrived"
    context.close()


@pytest.mark.parametrize("width", [320, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_fit_for_everybody(browser: Any, asking: Client, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    admin_only = asking.authorize_url(scope="openid Directory.Read.All")
    long_name = "wilhelmina-anastasia.von-hohenlohe-langenburg@kestrel.example"
    asking.simulator.control("POST", "faults", {"target": "graph", "status": 429, "seconds": 60})

    page.goto(asking.authorize_url())
    _check(page, "Pick an account")
    page.goto(asking.authorize_url(login_hint=long_name))
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    _check(page, "Sign in")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    _check(page, "Meridian asks for permission")
    page.goto(admin_only)
    _check(page, "Need admin approval")
    page.goto(asking.authorize_url(redirect_uri="http://localhost:1/other/"))
    _check(page, "Sorry, but we’re having trouble signing you in")
    page.goto(asking.simulator.human_url)
    _check(page, "Console of the simulated Microsoft 365")
    page.goto(f"{asking.simulator.human_url}/organizations/oauth2/v2.0/logout")
    _check(page, "You signed out of your account")
    page.goto(f"{asking.simulator.human_url}/nothing")
    _check(page, "Nothing is simulated at this address")
    context.close()


@pytest.mark.parametrize("width", [320, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_rarer_pages_are_fit_for_everybody(browser: Any, rooks: Rooks, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    rooks.person("ben@open.example", "expire-password")

    _sign_in(page, rooks, "ada@open.example")
    _check(page, "Planner asks for permission")
    page.goto(rooks.admin_url())
    _check(page, "Permissions requested")
    page.goto(rooks.authorize_url(client_id=OFF))
    _check(page, "Sorry, but we’re having trouble signing you in")
    _sign_in(page, rooks, "mia@open.example")
    _check(page, "Approve sign-in request")
    page.get_by_role("button", name="No, it’s not me").click()
    _check(page, "Approve sign-in request")
    _sign_in(page, rooks, "rob@open.example")
    _check(page, "You cannot access this right now")
    _sign_in(page, rooks, "ben@open.example")
    _check(page, "Update your password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("weak")
    page.get_by_label("Confirm password").fill("weak")
    page.get_by_role("button", name="Sign in").click()
    _check(page, "Update your password")
    _sign_in(page, rooks, "cal@careful.example")
    _check(page, "Approval required")
    page.get_by_label("Justification").fill("I plan the quarter.")
    page.get_by_role("button", name="Request approval").click()
    _check(page, "Request sent")
    context.close()


def test_the_second_factor_and_consent_for_everybody_by_keyboard(
    page: Page, asking: Client, complaints: list[str]
) -> None:
    asking.person("dana@kestrel.example", "require-mfa")
    page.goto(asking.authorize_url(login_hint="dana@kestrel.example"))
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Number")).to_be_focused()
    page.keyboard.type(page.locator("#shown").inner_text())
    page.keyboard.press("Enter")
    page.get_by_label("Consent on behalf of your organization").press("Space")
    page.get_by_role("button", name="Accept").press("Enter")

    page.wait_for_url(f"{asking.simulator.redirect_uri}?**")

    assert [one["person"] for one in asking.grants()] == [None]
    assert complaints == []


def test_an_administrators_consent_by_keyboard(page: Page, asking: Client, complaints: list[str]) -> None:
    query = urlencode({"client_id": asking.simulator.client_id, "redirect_uri": asking.simulator.redirect_uri})
    page.goto(f"{asking.simulator.human_url}/kestrel.example/adminconsent?{query}")
    page.get_by_role("link", name="Dana Okafor").press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Accept").press("Enter")

    page.wait_for_url(f"{asking.simulator.redirect_uri}?**")

    assert "admin_consent=True" in page.url
    assert complaints == []


def _sign_in(page: Page, rooks: Rooks, name: str) -> None:
    page.goto(rooks.authorize_url(login_hint=name, prompt="login"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def _check(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_role("banner")).to_contain_text("This is not Microsoft")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{heading} is too wide"
    found = Axe().run(page)
    assert found.violations_count == 0, f"{heading}:\n{found.generate_report()}"
