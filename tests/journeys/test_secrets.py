"""What nobody may find: in logs, in letters, in the database, in an address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.journeys import ground, story
from tests.journeys.windows import Windows
from tests.processes import Product

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

KEYS = ("SECRET_KEY", "TOKEN_KEYS", "MICROSOFT_CLIENT_SECRET", "SIMULATOR_CONTROL_TOKEN")
# How every JSON Web Token begins, and every code and refresh token of this Microsoft.
TOKENS = ("eyJ", "1.AUs", "1.AXs")
COOKIES = {"meridian", "meridian-csrf"}


def test_a_whole_connection_leaves_no_secret_behind(product: Product, windows: Windows) -> None:
    alice = windows.signed_out()
    seen: list[str] = []
    alice.on("framenavigated", lambda frame: seen.append(frame.url))
    answers: list[str] = []
    alice.on("request", lambda request: answers.append(request.url) if "/microsoft/callback/" in request.url else None)
    story.sign_in(alice, product, "alice")
    story.connect(alice, product)
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")
    alice.goto(f"{product.url}/meetings/")

    sent = {name: values[0] for name, values in parse_qs(urlsplit(answers[0]).query).items()}
    cookies = [cookie["value"] for cookie in alice.context.cookies() if cookie["name"] in COOKIES]
    keys = [product.installation.keys[name] for name in KEYS]
    assert len(cookies) == len(COOKIES)
    for secret in (sent["code"], sent["state"], *keys, *cookies, story.PORTAL_PASSWORD, story.MICROSOFT_PASSWORD):
        for name, output in product.outputs().items():
            assert secret not in output, f"in {name}.log"
    assert not [address for address in seen if "code=" in address]


def test_the_database_holds_no_token_in_clear(product: Product, windows: Windows) -> None:
    story.connect(windows.of("alice"), product)

    rows = [
        *ground.ask(product, "SELECT * FROM integrations_connection"),
        *ground.ask(product, "SELECT * FROM integrations_consentrequest"),
        *ground.ask(product, "SELECT * FROM accounts_auditentry"),
    ]

    assert rows
    assert not [column for row in rows for column in row if any(token in str(column) for token in TOKENS)]
