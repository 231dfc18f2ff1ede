"""Verification details with a keyboard, a clipboard, and a worker that answers while one looks on."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as portal
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import domains
from accounts.domain_proofs import record
from accounts.models import AssociatedDomain, User
from tests.cast import ClientOf
from tests.name_server import NameServer, name_server

__all__ = ["name_server"]

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]

NAME = "kestrel.example"


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def at_the_profile(page: Page, live_server: LiveServer, dana: User, client_of: ClientOf) -> Page:
    session = client_of(dana).cookies[portal.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/account/profile/")
    return page


def test_a_domain_is_added_published_and_verified_while_one_looks_on(
    at_the_profile: Page, name_server: NameServer
) -> None:
    page = at_the_profile
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Add domains").fill(NAME)
    page.get_by_role("button", name="Add").click()
    domain = AssociatedDomain.objects.get()

    page.get_by_role("button", name="Copy the value").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    name_server.publish(NAME, "TXT", copied)
    page.get_by_role("button", name="Verify Domain").click()
    expect(page.get_by_text("Meridian is looking for the proof.")).to_be_visible()
    domains.check(domain.pk, now=timezone.now())

    assert copied == record(domain.token)
    expect(page.get_by_text("The proof was found.")).to_be_visible()
    expect(page.locator("#head").get_by_text("Verified", exact=True)).to_be_visible()


def test_every_page_of_it_can_be_read_by_everybody(at_the_profile: Page, live_server: LiveServer, dana: User) -> None:
    page, now = at_the_profile, timezone.now()
    domain = domains.add(dana.account, NAME, actor=dana, now=now).new[0]
    domains.add(dana.account, f"{'owl-' * 12}.example".replace("-.", "."), actor=dana, now=now)
    AssociatedDomain.objects.filter(pk=domain.pk).update(
        state="verified", verified_at=now, checked_at=now, failing_since=now, trouble="different", found="x" * 300
    )
    at = f"{live_server.url}/account/profile/"

    for path in ("", f"domains/{domain.pk}/", f"domains/{domain.pk}/?method=file", f"domains/{domain.pk}/remove/"):
        page.set_viewport_size({"width": 320, "height": 800})
        page.goto(at + path)

        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag22aa"]}).response["violations"] == []
