"""What nobody may find: in logs, in letters, in the database, in an address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.integrations.dumps import redis_dump
from tests.journeys import authorizing, ground, story
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


ADMINS_PAGES = (
    "/account/connections/",
    "/account/connections.csv",
    "/account/connections/approvals/",
    "/account/organizations/",
    "/account/audit/",
    "/account/audit.csv",
    "/operations/",
    "/mailbox/",
    "/profile/",
    "/no/such/page/",
)
TAIL = 40  # characters: the end of a token is its own, also where the rest was cut or redacted


def test_of_all_that_microsoft_ever_issued_nothing_is_found(product: Product, windows: Windows) -> None:
    """Through consent, refresh, loss, reconnecting and deletion; with tasks that wait in Redis, and with trouble."""
    windows.forgive("404")
    windows.forgive("400")
    found: dict[str, str] = {}
    alice, dana = windows.of("alice"), windows.of("dana")

    story.to_microsoft(alice, product)
    story.sign_in_at_microsoft(alice)
    with ground.worker_killed(product):
        story.accept(alice)
        expect(story.badge(alice)).to_have_text("Connecting")
        found["Redis, a task waits"] = redis_dump(product.redis_url)
        found["database, answered"] = _dump(product)
    story.is_connected(alice)
    found |= _seen(alice, product, "/profile/", "/meetings/", "/integrations/microsoft/callback/?code=forged&state=x")
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")
    found |= _seen(alice, product, "/meetings/")
    found |= _garbage_from_microsoft(alice, product)
    product.simulator.control("POST", "people/alice@kestrel.example/revoke-sessions")
    _refresh_now(product)
    ground.until(lambda: ground.connection_of(product, story.address("alice"))["state"] == "needs_reauth")
    ground.until(lambda: any("alice@" in letter for letter in product.letters))
    connection = ground.connection_of(product, story.address("alice"))["id"]
    found |= _seen(
        dana, product, *ADMINS_PAGES, *(f"/account/connections/{connection}/{end}" for end in ("", "bundle.json"))
    )
    found["database, lost"] = _dump(product)
    alice.goto(f"{product.url}/profile/")
    alice.get_by_role("button", name="Reconnect").click()
    story.sign_in_at_microsoft(alice)
    story.is_connected(alice)
    found["database, connected again"] = _dump(product)
    found["Redis"] = redis_dump(product.redis_url)
    found |= {f"{name}.log": output for name, output in product.outputs().items()}
    found["letters"] = "\n".join(product.letters)

    secrets = {secret[-TAIL:] for secret in product.issued}
    keys = {product.installation.keys[name] for name in KEYS}
    assert len(secrets) > 12, "codes, tokens and cookies of two trips and some refreshes"
    assert "integrations.redeem" in found["Redis, a task waits"]
    assert "v1." in found["database, connected again"]
    assert [(place, secret[:8]) for secret in secrets | keys for place, text in found.items() if secret in text] == []


def test_of_what_an_organization_gives_nothing_is_found_either(product: Product, windows: Windows) -> None:
    """Its consent, the sign-in of whoever gave it, and the one token for all its mailboxes."""
    dana = windows.of("dana")
    authorizing.verify_domain(dana, product)
    authorizing.to_sheet(dana, product)
    authorizing.authorize_and_save(dana)
    with ground.worker_killed(product):
        authorizing.consent(dana)
        expect(dana.get_by_role("heading", name="Meridian checks what Microsoft said")).to_be_visible()
        found = {"Redis, a task waits": redis_dump(product.redis_url), "database, answered": _dump(product)}
        addresses = [dana.url]
    authorizing.is_authorized(dana)
    authorizing.is_connected(product, "alice")
    product.simulator.control("POST", f"applications/{product.simulator.client_id}/tenants/kestrel.example/disable")
    row, link = ground.connection_of(product, story.address("alice"))["id"], _the_link(product)
    pages = (
        f"/account/organizations/{link}/",
        f"/account/connections/{row}/",
        f"/account/connections/{row}/bundle.json",
    )
    found |= _seen(dana, product, *ADMINS_PAGES[:-1], *pages)
    found |= {"database": _dump(product), "Redis": redis_dump(product.redis_url)}
    found |= {f"{name}.log": output for name, output in product.outputs().items()}
    found |= {"letters": "\n".join(product.letters), "addresses": "\n".join([*addresses, dana.url])}

    secrets = {secret[-TAIL:] for secret in product.issued}
    keys = {product.installation.keys[name] for name in KEYS}
    sealed = ground.ask(product, "SELECT access_token FROM integrations_tenantlink")
    assert sealed and all(token.startswith("v1.") for (token,) in sealed)
    assert [(place, secret[:8]) for secret in secrets | keys for place, text in found.items() if secret in text] == []


def test_whatever_is_sealed_is_known_to_the_rotation_of_keys(product: Product, windows: Windows) -> None:
    from integrations.models import TokenKey
    from integrations.resealing import SEALED

    known = {(model._meta.db_table, column) for model, columns in SEALED.items() for column in columns}
    story.to_microsoft(windows.of("bob"), product)
    story.connect(windows.of("alice"), product)

    sealed = {
        (table, column)
        for table, rows in _tables(product).items()
        for row in rows
        for column, value in row.items()
        if str(value).startswith("v1.")
    }

    assert ("integrations_connection", "refresh_token") in sealed
    assert sealed <= known | {(TokenKey._meta.db_table, "sample")}


def _the_link(product: Product) -> int:
    ((pk,),) = ground.ask(product, "SELECT id FROM integrations_tenantlink")
    return int(pk)


def _seen(page: Page, product: Product, *paths: str) -> dict[str, str]:
    """What an address answers, to somebody who is signed in."""
    answers = {path: page.request.get(f"{product.url}{path}") for path in paths}
    return {f"{path} ({answer.status})": answer.text() for path, answer in answers.items()}


def _garbage_from_microsoft(page: Page, product: Product) -> dict[str, str]:
    """An answer that is no JSON, where tokens should come."""
    product.simulator.control("POST", "people/alice@kestrel.example/expire-tokens")
    product.simulator.control("POST", "faults", {"target": "token", "status": 500, "seconds": 60})
    seen = _seen(page, product, "/meetings/agenda/", "/profile/")
    product.simulator.control("DELETE", "faults")
    ground.waits_are_over(product)
    story.to_profile(page, product)
    ground.until(lambda: ground.connection_of(product, story.address("alice"))["state"] == "connected")
    return seen


def _refresh_now(product: Product) -> None:
    ground.change(product, "UPDATE integrations_connection SET refresh_due_at = connected_at, access_token = ''")


def _dump(product: Product) -> str:
    return "\n".join(f"{table}: {row}" for table, rows in _tables(product).items() for row in rows)


def _tables(product: Product) -> dict[str, list[dict[str, object]]]:
    """Every column of every row of ours."""
    from django.apps import apps

    found: dict[str, list[dict[str, object]]] = {}
    for model in apps.get_models(include_auto_created=True):
        columns = [str(field.column) for field in model._meta.local_concrete_fields]
        names = ", ".join(f'"{column}"' for column in columns)
        rows = ground.ask(product, f'SELECT {names} FROM "{model._meta.db_table}"')  # noqa: S608  our own tables
        found[model._meta.db_table] = [dict(zip(columns, row, strict=True)) for row in rows]
    return found
