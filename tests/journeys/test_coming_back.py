"""The ways back from Microsoft that do not lead to a connection: a sentence, and nothing has changed."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NOT_OURS = "This answer from Microsoft was used already, came too late, or was not asked for in this browser."


def test_declined_consent(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)

    alice.get_by_role("button", name="Cancel").click()

    _says(alice, "You declined at Microsoft.", product)


def test_cancelled_at_the_sign_in(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)

    alice.get_by_role("button", name="Cancel").click()

    _says(alice, "You left Microsoft’s page without finishing.", product)


def test_closed_window(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)

    story.to_profile(alice, product)

    _says(alice, "You have not finished at Microsoft.", product)


def test_replayed_answer(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    answers: list[str] = []
    alice.on("request", lambda request: answers.append(request.url) if "/microsoft/callback/" in request.url else None)
    story.connect(alice, product)

    alice.goto(answers[0])

    expect(alice.get_by_text(NOT_OURS)).to_be_visible()
    expect(story.badge(alice)).to_have_text("Connected")
    assert "code=" not in alice.url


def test_forged_answer(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.to_microsoft(alice, product)

    alice.goto(f"{product.url}/integrations/microsoft/callback/?code=forged&state=forged")

    expect(alice.get_by_text(NOT_OURS)).to_be_visible()
    assert not ground.connection_of(product, "alice@kestrel.example")


def test_answer_in_another_browser_of_the_same_person(product: Product, windows: Windows) -> None:
    answer = _answer_that_never_arrived(windows.of("alice"), product)
    elsewhere = windows.signed_out()
    story.sign_in(elsewhere, product, "alice")

    elsewhere.goto(answer)

    expect(elsewhere.get_by_text(NOT_OURS)).to_be_visible()
    assert not ground.connection_of(product, "alice@kestrel.example")


def test_answer_opened_by_somebody_else(product: Product, windows: Windows) -> None:
    answer = _answer_that_never_arrived(windows.of("alice"), product)
    bob = windows.of("bob")

    bob.goto(answer)

    expect(bob.get_by_text(NOT_OURS)).to_be_visible()
    assert not ground.connection_of(product, "bob@kestrel.example")
    assert not ground.connection_of(product, "alice@kestrel.example")


def test_answer_for_somebody_who_signed_out_meanwhile(product: Product, windows: Windows) -> None:
    answer = _answer_that_never_arrived(windows.of("alice"), product)
    nobody = windows.signed_out()

    nobody.goto(answer)

    expect(nobody.get_by_text("You were signed out while you were at Microsoft.")).to_be_visible()
    assert "code" not in nobody.url


def test_account_without_a_mailbox(product: Product, windows: Windows) -> None:
    nora = windows.of("nora")
    story.to_microsoft(nora, product)
    story.sign_in_at_microsoft(nora)

    story.accept(nora)

    expect(story.panel(nora)).to_contain_text(
        "This Microsoft account has no mailbox that Meridian can read", timeout=story.A_WORKER_TAKES_MS
    )
    assert ground.connection_of(product, "nora@kestrel.example")["state"] == "not_eligible"


def test_mailbox_that_a_colleague_has_connected(product: Product, windows: Windows) -> None:
    story.connect(windows.of("alice"), product)
    bob = windows.of("bob")
    story.to_microsoft(bob, product)

    story.pick_at_microsoft(bob, "Alice Moreau")
    story.sign_in_at_microsoft(bob)

    expect(story.panel(bob)).to_contain_text(
        "This mailbox is already connected to somebody else", timeout=story.A_WORKER_TAKES_MS
    )
    assert not ground.connection_of(product, "bob@kestrel.example")
    assert ground.connection_of(product, "alice@kestrel.example")["state"] == "connected"


def test_reconnecting_with_another_account(product: Product, windows: Windows) -> None:
    alice = windows.of("alice")
    story.connect(alice, product)
    ground.is_now(product, state="needs_reauth", reason="sessions_revoked")
    alice.context.clear_cookies(name=re.compile("^sim_"))
    alice.reload()
    story.panel(alice).get_by_role("button", name="Reconnect").click()

    story.pick_at_microsoft(alice, "Gus Lindqvist")
    story.sign_in_at_microsoft(alice)
    story.accept(alice)

    expect(story.panel(alice)).to_contain_text(
        "You signed in at Microsoft with another account than the connected one.", timeout=story.A_WORKER_TAKES_MS
    )
    expect(story.badge(alice)).to_have_text("Authorization lost")
    expect(story.panel(alice).locator(".account")).to_contain_text("alice@kestrel.example")


def test_two_windows_of_one_person(product: Product, windows: Windows) -> None:
    """The second trip ends the first: two cannot both succeed."""
    first = windows.of("alice")
    story.to_microsoft(first, product)
    second = first.context.new_page()
    story.connect(second, product)

    story.sign_in_at_microsoft(first)

    expect(first.get_by_text(NOT_OURS)).to_be_visible()
    expect(story.badge(first)).to_have_text("Connected")


def _says(page: Page, sentence: str, product: Product) -> None:
    expect(story.panel(page)).to_contain_text(sentence)
    expect(story.panel(page)).to_contain_text("Nothing has changed.")
    expect(page.get_by_role("link", name=story.CONFIGURE)).to_be_visible()
    assert not ground.connection_of(product, "alice@kestrel.example")


def _answer_that_never_arrived(page: Page, product: Product) -> str:
    """Where Microsoft would have sent the browser, had it not been closed."""
    story.to_microsoft(page, product)
    answer = product.simulator.sign_in(page.url)
    page.close()
    return f"{product.simulator.redirect_uri}?{urlencode(answer)}"
