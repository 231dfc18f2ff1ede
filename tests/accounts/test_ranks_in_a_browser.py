"""The order of groups by mouse, by keyboard and without a script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as portal
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.groups import add_members
from accounts.models import Account, Group, User
from tests.cast import FOUNDED, ClientOf

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def groups(kestrel: Account) -> list[Group]:
    return [
        Group.objects.create(account=kestrel, name=name, rank=number * 1024, created_at=FOUNDED)
        for number, name in enumerate(("Engineering", "Sales", "Support", "Warehouse"))
    ]


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains about: scripts that fail, and whatever the security policy blocked."""
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda said: heard.append(f"{said.text} {said.location}") if said.type == "error" else None)
    return heard


def _enter(page: Page, live_server: LiveServer, person: User, client_of: ClientOf) -> None:
    session = client_of(person).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/groups/")


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=name)


def _order(page: Page) -> list[str]:
    return page.get_by_role("table").get_by_role("link").all_inner_texts()


def _drag(page: Page, name: str, to: Locator, *, below: bool = False) -> None:
    """Takes a group by its handle and holds it over the upper, or lower, quarter of a row."""
    grip, box = _row(page, name).locator(".grip").bounding_box(), to.bounding_box()
    assert grip is not None
    assert box is not None
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] * (0.75 if below else 0.25), steps=5)


def test_a_group_is_dragged_by_its_handle(
    page: Page,
    live_server: LiveServer,
    groups: list[Group],
    dana: User,
    client_of: ClientOf,
    complaints: list[str],
) -> None:
    _enter(page, live_server, dana, client_of)
    status = page.locator("[data-announce]")

    _drag(page, "Warehouse", _row(page, "Sales"))
    expect(status).to_have_text("Warehouse: above Sales")
    page.mouse.up()
    expect(page.get_by_text("Warehouse is now P2.")).to_be_visible()
    assert _order(page) == ["Engineering", "Warehouse", "Sales", "Support"]

    _drag(page, "Engineering", _row(page, "Support"), below=True)
    expect(status).to_have_text("Engineering: after all others")
    page.mouse.up()
    expect(page.get_by_text("Engineering is now P4.")).to_be_visible()
    assert _order(page) == ["Warehouse", "Sales", "Support", "Engineering"]

    _drag(page, "Sales", _row(page, "Warehouse"), below=True)
    page.mouse.up()
    expect(status).to_have_text("Sales stays where it is.")
    assert complaints == []


def test_escape_leaves_a_dragged_group_where_it_was(
    page: Page, live_server: LiveServer, groups: list[Group], dana: User, client_of: ClientOf
) -> None:
    _enter(page, live_server, dana, client_of)

    _drag(page, "Warehouse", _row(page, "Engineering"))
    page.keyboard.press("Escape")
    expect(page.locator("[data-announce]")).to_have_text("Warehouse stays where it was.")
    page.mouse.up()

    assert page.locator(".dragged, .drop-above, .drop-below").count() == 0
    page.reload()
    assert _order(page) == ["Engineering", "Sales", "Support", "Warehouse"]


def test_a_group_climbs_by_the_keyboard_alone_and_the_focus_goes_with_it(
    page: Page, live_server: LiveServer, groups: list[Group], dana: User, client_of: ClientOf
) -> None:
    _enter(page, live_server, dana, client_of)

    up = page.get_by_role("button", name="Move Warehouse up")
    up.focus()
    for position in (3, 2):
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Warehouse is now P{position}.")).to_be_visible()
        expect(up).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("Warehouse is now P1.")).to_be_visible()

    assert _order(page) == ["Warehouse", "Engineering", "Sales", "Support"]


def test_without_a_script_the_buttons_and_the_number_do_the_same(
    browser: Browser, live_server: LiveServer, groups: list[Group], dana: User, client_of: ClientOf
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    _enter(page, live_server, dana, client_of)

    assert not page.locator(".grip").first.is_visible()
    page.get_by_role("button", name="Move Engineering down").click()
    expect(page.get_by_text("Engineering is now P2.")).to_be_visible()
    _row(page, "Support").get_by_text("Move to…").click()
    page.get_by_label("Position of Support, from 1 to 4").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Support is now P1.")).to_be_visible()

    assert _order(page) == ["Support", "Sales", "Engineering", "Warehouse"]
    context.close()


@pytest.mark.parametrize("width", [320, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_fit_for_everybody(
    page: Page,
    live_server: LiveServer,
    groups: list[Group],
    dana: User,
    wilhelmina: User,
    client_of: ClientOf,
    complaints: list[str],
    width: int,
    scheme: str,
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    for group in groups:
        add_members(group, [wilhelmina.pk], actor=dana, now=FOUNDED)
    _enter(page, live_server, dana, client_of)
    page.get_by_text("Move to…").first.click()

    for path in (
        "",
        f"/groups/{groups[3].pk}/",
        f"/groups/{groups[3].pk}/members/?add=dana",
        f"/people/{wilhelmina.pk}/",
        f"/people/{wilhelmina.pk}/delete/",
        "/people/?group=Eng",
    ):
        if path:
            page.goto(f"{live_server.url}{path}")
        violations = [violation["id"] for violation in Axe().run(page).response["violations"]]
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (path, violations, sideways) == (path, [], 0)
    assert complaints == []
