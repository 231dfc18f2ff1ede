"""A look for a proof, against a name server and a web site on this machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from accounts.domain_checks import CLEAR_NO, LARGEST_FILE, LARGEST_HEAD, UNCLEAR, Finding, Look, look
from accounts.domain_proofs import FILE_NAME, record, tag
from accounts.models import DomainMethod
from tests.name_server import NameServer, name_server
from tests.web_site import WebSite, answer, moved, web_site

__all__ = ["name_server", "web_site"]

NAME, TOKEN = "kestrel.example", "made-up_0123456789"
TXT, FILE, META = DomainMethod.TXT, DomainMethod.FILE, DomainMethod.META
AT = f"/{FILE_NAME}"


def looked(method: str) -> Look:
    return look(NAME, TOKEN, method)


@pytest.fixture
def there(name_server: NameServer, web_site: WebSite) -> WebSite:
    name_server.publish(NAME, "A", "127.0.0.1")
    return web_site


# ── TXT record ──────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("published", "said"),
    [
        ((record(TOKEN),), Look(Finding.FOUND)),
        (("v=spf1 -all", record("another"), record(TOKEN)), Look(Finding.FOUND)),
        (("v=spf1 -all",), Look(Finding.ABSENT)),
        ((record("another"),), Look(Finding.DIFFERENT, record("another"))),
        ((record(TOKEN.upper()),), Look(Finding.DIFFERENT, record(TOKEN.upper()))),
        ((record(TOKEN + "x"),), Look(Finding.DIFFERENT, record(TOKEN + "x"))),
    ],
)
def test_a_record_is_the_proof_and_nothing_like_it(
    published: tuple[str, ...], said: Look, name_server: NameServer
) -> None:
    name_server.publish(NAME, "TXT", *published)

    assert looked(TXT) == said


def test_a_record_elsewhere_is_none(name_server: NameServer) -> None:
    name_server.publish(f"www.{NAME}", "TXT", record(TOKEN))
    name_server.publish("example", "TXT", record(TOKEN))
    assert looked(TXT) == Look(Finding.NO_SUCH_DOMAIN)

    name_server.publish(NAME, "CNAME", "host.saas.example.")
    name_server.publish("host.saas.example", "TXT", record(TOKEN))
    assert looked(TXT) == Look(Finding.ALIAS, "host.saas.example")


@pytest.mark.parametrize("method", DomainMethod.values)
def test_trouble_of_the_dns_is_no_answer(method: str, name_server: NameServer) -> None:
    name_server.troubles[NAME] = "SERVFAIL"

    assert looked(method) == Look(Finding.NO_ANSWER)


@pytest.mark.parametrize("method", DomainMethod.values)
def test_a_domain_that_is_not_there(method: str, name_server: NameServer) -> None:
    assert looked(method) == Look(Finding.NO_SUCH_DOMAIN)


# ── HTML file and meta tag ──────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (answer(200, record(TOKEN) + "\n"), Look(Finding.FOUND)),
        (answer(200, f"<html><body>{record(TOKEN)}</body></html>"), Look(Finding.FOUND)),
        (answer(200, record("another")), Look(Finding.DIFFERENT, record("another"))),
        (answer(200, f"Not found: {record(TOKEN)}"), Look(Finding.DIFFERENT, f"Not found: {record(TOKEN)}")),
        (answer(200, "x\x00\x1b[31m"), Look(Finding.DIFFERENT, "x��[31m")),
        (answer(200, record(TOKEN) + " " * LARGEST_FILE), Look(Finding.TOO_LARGE)),
        (answer(404, record(TOKEN)), Look(Finding.ABSENT)),
        (answer(410, ""), Look(Finding.ABSENT)),
        (answer(403, record(TOKEN)), Look(Finding.STATUS, "403")),
        (answer(500, record(TOKEN)), Look(Finding.STATUS, "500")),
        (moved("https://corvid.example/"), Look(Finding.ELSEWHERE, "https://corvid.example/")),
    ],
)
def test_a_file_is_the_proof_where_it_says_that_alone(stands: bytes, said: Look, there: WebSite) -> None:
    there.pages = {AT: stands}

    assert looked(FILE) == said


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (answer(200, f"<head>{tag(TOKEN)}</head>"), Look(Finding.FOUND)),
        (answer(200, f"<head>{tag(TOKEN)}</head>" + "x" * LARGEST_HEAD), Look(Finding.FOUND)),
        (answer(200, f"<head>{tag('another')}</head>"), Look(Finding.DIFFERENT, "another")),
        (answer(200, f"<head></head><body>{tag(TOKEN)}</body>"), Look(Finding.ABSENT)),
        (answer(200, "<head>" + "<meta>" * LARGEST_HEAD + tag(TOKEN)), Look(Finding.TOO_LARGE)),
        (answer(404, tag(TOKEN)), Look(Finding.ABSENT)),
    ],
)
def test_a_tag_is_the_proof_in_the_head_of_the_home_page(stands: bytes, said: Look, there: WebSite) -> None:
    there.pages = {"/": stands}

    assert looked(META) == said


def test_a_home_page_may_be_at_another_name_of_the_domain(name_server: NameServer, there: WebSite) -> None:
    name_server.publish(f"www.{NAME}", "A", "127.0.0.1")
    there.pages = {"/": moved(f"http://www.{NAME}/en/"), "/en/": answer(200, f"<head>{tag(TOKEN)}</head>")}

    assert looked(META) == Look(Finding.FOUND)


def test_what_is_asked_does_not_name_the_proof(there: WebSite) -> None:
    """Else a site that repeats what it is asked would prove itself."""
    looked(FILE)
    looked(META)

    assert there.heard == [AT, "/"]
    assert TOKEN not in FILE_NAME


def test_a_site_inside_is_not_asked(there: WebSite, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = []
    there.pages = {AT: answer(200, record(TOKEN))}

    assert looked(FILE) == Look(Finding.PRIVATE)  # strangers do not learn where it leads
    assert there.heard == []


def test_a_name_without_a_web_site(name_server: NameServer) -> None:
    name_server.publish(NAME, "MX", "10 mail.kestrel.example.")

    assert looked(FILE) == Look(Finding.NO_WEB_SITE)


def test_nobody_at_home(name_server: NameServer, settings: Any, there: WebSite) -> None:
    settings.WEB_PORTS = {"https": 9, "http": 9}

    assert looked(META) == Look(Finding.NOT_REACHED, "it refused the connection")


def test_a_look_has_an_end(there: WebSite) -> None:
    there.pages = {AT: lambda _connection: time.sleep(3)}
    begun = time.monotonic()

    found = look(NAME, TOKEN, FILE, within=0.5)

    assert (found.finding, found.is_clear) == (Finding.NOT_REACHED, False)
    assert time.monotonic() - begun < 1.5


def test_each_finding_says_something_or_nothing_of_the_proof() -> None:
    assert {*CLEAR_NO, *UNCLEAR, Finding.FOUND} == set(Finding)
    assert not CLEAR_NO & UNCLEAR
