"""Looks for the proof of a domain where it is published: the DNS, or the domain's web site. Only looks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

import structlog

from accounts import domain_proofs, public_web, resolver
from accounts.models import DomainMethod

log = structlog.get_logger(__name__)

TOTAL = 10.0  # seconds for one look, whatever it meets
LARGEST_FILE = 16 * 1024
LARGEST_HEAD = 128 * 1024
LONGEST_FOUND = 300  # characters of what strangers wrote


class Finding(StrEnum):
    """Why no proof was found; empty where it was."""

    FOUND = ""
    # A clear answer, which says that it is not there.
    ABSENT = "absent"
    DIFFERENT = "different"
    NO_SUCH_DOMAIN = "no_such_domain"
    ALIAS = "alias"
    NO_WEB_SITE = "no_web_site"
    PRIVATE = "private"
    ELSEWHERE = "elsewhere"
    TOO_LARGE = "too_large"
    # It is there, and the domain is another account's already.
    TAKEN = "taken"
    # No clear answer: of the proof nothing is known.
    NO_ANSWER = "no_answer"
    NOT_REACHED = "not_reached"
    STATUS = "status"


UNCLEAR = frozenset({Finding.NO_ANSWER, Finding.NOT_REACHED, Finding.STATUS})
CLEAR_NO = frozenset(Finding) - UNCLEAR - {Finding.FOUND}


@dataclass(frozen=True)
class Look:
    finding: Finding
    # What stood there instead, or how it failed.
    found: str = ""

    @property
    def is_clear(self) -> bool:
        return self.finding not in UNCLEAR


def look(name: str, token: str, method: str, *, within: float = TOTAL) -> Look:
    """Is the proof there? Answers in time, and never fails."""
    until = time.monotonic() + within
    try:
        if method == DomainMethod.TXT:
            return _in_the_dns(name, token, until=until)
        return _on_the_site(name, token, method, until=until)
    except resolver.NoSuchName:
        return Look(Finding.NO_SUCH_DOMAIN)
    except resolver.Unanswered:
        return Look(Finding.NO_ANSWER)


def _in_the_dns(name: str, token: str, *, until: float) -> Look:
    try:
        ours = domain_proofs.ours_in(resolver.texts(name, until=until))
    except resolver.IsAlias as alias:
        return _look(Finding.ALIAS, alias.target)
    if domain_proofs.record(token) in ours:
        return Look(Finding.FOUND)
    return _look(Finding.DIFFERENT, ours[0]) if ours else Look(Finding.ABSENT)


def _on_the_site(name: str, token: str, method: str, *, until: float) -> Look:
    """Over TLS first. What one of the two answers counts more than that the other did not."""
    looks = []
    for scheme in ("https", "http"):
        # The second has its turn also where the first is silent.
        share = until if scheme == "http" else (until + time.monotonic()) / 2
        looks.append(_at(scheme, name, token, method, until=share))
        if looks[-1].finding is Finding.FOUND:
            break
    return max(looks, key=lambda one: (one.finding is Finding.FOUND, one.is_clear, one.finding is Finding.STATUS))


def _at(scheme: str, name: str, token: str, method: str, *, until: float) -> Look:
    is_file = method == DomainMethod.FILE
    path = f"/{domain_proofs.FILE_NAME}" if is_file else "/"
    most = LARGEST_FILE if is_file else LARGEST_HEAD
    try:
        page = public_web.get(f"{scheme}://{name}{path}", domain=name, most=most, until=until)
    except public_web.NotPublic as problem:
        # For the operator alone: strangers could learn our own network's names by it.
        log.info("domain.not_public", domain=name, address=str(problem))
        return Look(Finding.PRIVATE)
    except public_web.Elsewhere as problem:
        return _look(Finding.ELSEWHERE, str(problem))
    except public_web.NoWebSite:
        return Look(Finding.NO_WEB_SITE)
    except public_web.NotReached as problem:
        return _look(Finding.NOT_REACHED, str(problem))
    if page.status in {404, 410}:
        return Look(Finding.ABSENT)
    if page.status != 200:
        return _look(Finding.STATUS, str(page.status))
    return _in_the_file(page, token) if is_file else _in_the_head(page, token)


def _in_the_file(page: public_web.Page, token: str) -> Look:
    if page.is_cut:
        return Look(Finding.TOO_LARGE)
    text = domain_proofs.text_of(page.body.decode("utf-8", "replace"))
    return Look(Finding.FOUND) if text == domain_proofs.record(token) else _look(Finding.DIFFERENT, text)


def _in_the_head(page: public_web.Page, token: str) -> Look:
    tags = domain_proofs.tags_in(page.body.decode("utf-8", "replace"))
    if token in tags:
        return Look(Finding.FOUND)
    if tags:
        return _look(Finding.DIFFERENT, tags[0])
    return Look(Finding.TOO_LARGE if page.is_cut else Finding.ABSENT)


def _look(finding: Finding, found: str) -> Look:
    """Strangers' words: printable, short, and never more than shown."""
    return Look(finding, "".join(letter if letter.isprintable() else "�" for letter in found)[:LONGEST_FOUND])
