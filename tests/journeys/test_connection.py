"""What becomes of a connection: deleted by the person, blocked and brought back by the organisation."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SWEEP_MS = 30_000


def test_delete_asks_first_and_then_forgets(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)

    story.panel(alice).get_by_role("button", name="Delete").click()
    question = alice.get_by_role("dialog")
    expect(question).to_contain_text("Delete this connection?")
    question.get_by_role("button", name="Cancel").click()
    expect(story.badge(alice)).to_have_text("Connected")
    story.panel(alice).get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete").click()

    expect(alice.get_by_text("The connection is deleted.")).to_be_visible()
    expect(alice.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "disconnected"
    assert ground.sealed_tokens_of(product, "alice@kestrel.example") == ("", "")


def test_connecting_again_after_a_delete_keeps_the_row(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    row = ground.connection_of(product, "alice@kestrel.example")["id"]
    story.panel(alice).get_by_role("button", name="Delete").click()
    alice.get_by_role("dialog").get_by_role("button", name="Delete").click()

    # Microsoft remembers both who it is and what was agreed to.
    story.to_permissions(alice, product)
    alice.get_by_role("button", name="Authorize").click()

    story.is_connected(alice)
    assert ground.connection_of(product, "alice@kestrel.example")["id"] == row


def test_less_at_once_and_more_by_way_of_microsoft(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    calendar = story.panel(alice).locator("dl div").filter(has_text="Calendar")

    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write calendar").uncheck()
    alice.get_by_role("button", name="Save").click()
    expect(alice.get_by_text("uses only what is ticked.")).to_be_visible()
    expect(calendar).to_contain_text("No write")

    answers: list[str] = []
    alice.on("request", lambda request: answers.append(request.url) if "/microsoft/callback/" in request.url else None)
    alice.get_by_role("link", name="Configure").click()
    alice.get_by_role("checkbox", name="Write calendar").check()
    alice.get_by_role("button", name="Save").click()
    story.is_connected(alice)
    expect(calendar).not_to_contain_text("No write")
    assert answers, "more was taken without asking Microsoft"


def test_disabled_for_all_and_enabled_again(product: Product, windows: Windows) -> None:
    alice, dana = windows.of("alice"), windows.of("dana")
    story.connect(alice, product)
    story.to_mail_and_calendar(dana)

    story.switch(dana).click()
    expect(story.sheet(dana)).to_contain_text("1 connection will be blocked at once.")
    story.confirm(dana, "Disable and block 1 connection")
    ground.until(lambda: ground.connection_of(product, "alice@kestrel.example")["state"] == "blocked_by_policy")
    alice.reload()
    expect(story.badge(alice)).to_have_text("Blocked by policy")
    expect(story.panel(alice)).to_contain_text("Your organisation has turned calendar integration off.")
    alice.goto(f"{product.url}/meetings/")
    expect(alice.locator("#agenda")).to_contain_text("Your organisation has turned calendar integration off.")

    story.flip_the_switch(dana, "Enable")

    ground.until(lambda: ground.connection_of(product, "alice@kestrel.example")["state"] == "connected")
    alice.reload()
    expect(alice.get_by_text("Not a Zoom meeting").first).to_be_visible(timeout=story.A_WORKER_TAKES_MS)


def test_nothing_can_be_connected_while_it_is_disabled(product: Product, windows: Windows) -> None:
    ground.begin_again(product, enabled=False)
    alice = windows.of("alice")

    story.to_profile(alice, product)
    expect(story.panel(alice)).to_contain_text("Your organisation has turned calendar integration off.")
    expect(alice.get_by_role("button", name=story.CONFIGURE)).to_be_disabled()
    alice.goto(f"{product.url}/profile/calendar/")

    expect(alice).to_have_url(f"{product.url}/profile/#calendar")
