from __future__ import annotations
import json
import pytest
from playwright.sync_api import expect
from tests.journeys import ground, story
from tests.journeys.test_connection import READ_CALENDAR
pytestmark = [pytest.mark.journey, pytest.mark.timeout(500)]
LOOKS = {"w": dict(viewport={"width":1366,"height":900},color_scheme="light"), "n": dict(viewport={"width":320,"height":720},color_scheme="dark")}

@pytest.mark.parametrize("look", LOOKS)
def test_shots(product, windows, look):
    alice = windows.of("alice", **LOOKS[look])
    def shot(name):
        alice.screenshot(path=f"/tmp/work/shotsC/{name}-{look}.png", full_page=True, animations="disabled")
    alice.goto(product.url+"/profile/calendar/"); shot("select")
    story.to_microsoft(alice, product); story.sign_in_at_microsoft(alice)
    alice.get_by_role("button", name="Cancel").click()
    expect(story.panel(alice)).to_contain_text("Nothing has changed."); shot("failed")
    alice.get_by_role("button", name="Microsoft wanted an admin’s approval").click()
    expect(story.panel(alice)).to_contain_text("must approve"); shot("awaited")
    ground.change(product, "UPDATE integrations_awaitedapproval SET released_at = CURRENT_TIMESTAMP", "UPDATE integrations_connection SET state='disconnected'")
    alice.reload(); shot("released")
    alice.get_by_role("button", name="Authorize").click()
    story.sign_in_at_microsoft(alice) if alice.get_by_label("Password").count() else None
    story.accept(alice); story.is_connected(alice); shot("connected")
    alice.get_by_role("link", name="Configure").click(); alice.get_by_role("checkbox", name="Write contacts").uncheck()
    alice.get_by_role("button", name="Save").click(); shot("narrowed")
    alice.goto(product.url+"/profile/calendar/office-365/"); shot("perm-new")
    alice.goto(product.url+"/profile/calendar/delete/"); shot("delete")
    ground.change(product, """UPDATE integrations_connection SET withheld='["contacts_read","contacts_write"]'""")
    alice.goto(product.url+"/profile/"); shot("withheld")
    ground.decide(product, "integrations.services", json.dumps(READ_CALENDAR), by="dana@kestrel.example", at="Sales")
    alice.goto(product.url+"/profile/calendar/office-365/"); shot("perm-ceiling")
    ground.is_now(product, state="needs_reauth", reason="mfa_needed")
    alice.goto(product.url+"/profile/calendar/reconnect/"); shot("reconnect")
    ground.is_now(product, state="not_eligible", reason="on_premises")
    alice.goto(product.url+"/profile/"); shot("onprem")
