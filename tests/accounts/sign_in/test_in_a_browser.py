from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.cast import PASSWORD

DOORS = ["/auth/login/", "/auth/password/reset/", "/auth/signup/", "/auth/inactive/", "/nowhere/"]
pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]

INSIDE = ["/auth/password/change/", "/auth/email/", "/auth/reauthenticate/"]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains about: scripts that fail, and whatever the security policy blocked."""
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda said: heard.append(f"{said.text} {said.location}") if said.type == "error" else None)
    return heard


def sign_in_by_keyboard(page: Page, live_server: LiveServer, person: User) -> None:
    page.goto(f"{live_server.url}/auth/login/?next=/profile/")
    page.get_by_label("E-mail").focus()
    page.keyboard.type(person.email)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def examine(page: Page, address: str) -> None:
    page.goto(address)
    violations = [violation["id"] for violation in Axe().run(page).response["violations"]]
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert (address, violations, sideways) == (address, [], 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_fit_for_everybody_on_a_narrow_screen(
    page: Page, live_server: LiveServer, wilhelmina: User, complaints: list[str], scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 320, "height": 640})
    for path in DOORS:
        examine(page, f"{live_server.url}{path}")
    sign_in_by_keyboard(page, live_server, wilhelmina)
    expect(page).to_have_url(f"{live_server.url}/profile/")

    for path in INSIDE:
        examine(page, f"{live_server.url}{path}")

    assert [heard for heard in complaints if "/nowhere/" not in heard] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_second_step_is_fit_for_everybody(
    page: Page, live_server: LiveServer, wilhelmina: User, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{live_server.url}/auth/login/")
    page.get_by_label("E-mail").fill(wilhelmina.email)
    page.get_by_role("button", name="Next").click()

    expect(page.get_by_label("E-mail")).to_have_value(wilhelmina.email)
    expect(page.get_by_label("E-mail")).not_to_be_editable()
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_going_back_and_starting_again_ask_for_the_address(page: Page, live_server: LiveServer, alice: User) -> None:
    page.goto(f"{live_server.url}/auth/login/?next=/profile/")
    page.get_by_label("E-mail").fill("alcie@kestrel.example")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password", exact=True)).to_have_count(0)
    expect(page.get_by_label("E-mail")).to_be_editable()

    page.get_by_label("E-mail").fill("alcie@kestrel.example")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name="Not you?").click()
    sign_in_by_keyboard(page, live_server, alice)

    expect(page).to_have_url(f"{live_server.url}/profile/")


def test_one_signs_out_by_the_menu(page: Page, live_server: LiveServer, alice: User, complaints: list[str]) -> None:
    sign_in_by_keyboard(page, live_server, alice)

    page.get_by_role("button", name="Alice: your account").press("Enter")
    page.get_by_role("button", name="Sign out").press("Enter")

    expect(page.get_by_text("You have signed out.")).to_be_visible()
    page.get_by_role("button", name="Close this message").click()
    expect(page.get_by_text("You have signed out.")).to_have_count(0)
    assert complaints == []


def test_a_wrong_password_is_what_is_read_first(page: Page, live_server: LiveServer, alice: User) -> None:
    page.goto(f"{live_server.url}/auth/login/")
    page.get_by_label("E-mail").fill(alice.email)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Password").fill("not this one")

    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("E-mail and password do not belong together.")


def test_signing_in_works_without_a_script(browser: Browser, live_server: LiveServer, alice: User) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()

    sign_in_by_keyboard(page, live_server, alice)

    expect(page).to_have_url(f"{live_server.url}/profile/")
    page.context.close()


@pytest.mark.parametrize(("trigger", "expected"), [("load", "true"), ("every 100ms", "true"), ("click", None)])
def test_what_a_page_asks_for_by_itself_says_so(
    page: Page, live_server: LiveServer, alice: User, trigger: str, expected: str | None
) -> None:
    sign_in_by_keyboard(page, live_server, alice)
    expect(page).to_have_url(f"{live_server.url}/profile/")
    with page.expect_request(lambda request: "by=" in request.url) as asked:
        page.evaluate(
            """(trigger) => {
                const button = document.createElement("button");
                button.setAttribute("hx-get", "/profile/?by=itself");
                button.setAttribute("hx-trigger", trigger);
                document.body.append(button);
                htmx.process(button);
                if (trigger === "click") button.click();
            }""",
            trigger,
        )

    assert asked.value.header_value("x-background") == expected
