"""*Check again*: what Microsoft really grants in an organization, asked for on its page and found there.

A worker does it: with a new token, because the old one names what was granted when it was made; then one or two
mailboxes are asked, because what Exchange grants shows nowhere else; then all mailboxes and the directory are put first
in their sweeps. What was found is filed where it belongs; here is only, for a day, who asked what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.core.cache import cache
from redis.exceptions import RedisError

from accounts import outbound
from accounts.domain_names import domain_of
from accounts.nudging import nudge
from integrations import reasons
from integrations.models import LinkState, TenantLink
from integrations.organization import (
    drift,
    link_checks,
    links,
    mailbox_rights,
    probing,
    sounding,
    tenant_tokens,
    wanted,
)
from integrations.organization.needs import (
    READ_CONTACTS,
    WRITE_CALENDARS,
    Asked,
    Needs,
    NeedsOfEws,
    Said,
    contained,
)

log = structlog.get_logger(__name__)

KEPT = timedelta(days=1)
SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
GIVEN_UP = timedelta(minutes=5)  # the task has expired by then
ALL_OF_IT = timedelta(seconds=40)
_WHAT = {Asked.CALENDAR: "its calendar", Asked.CALENDAR_WRITE: "writing its calendar", Asked.CONTACTS: "its contacts"}


@dataclass(frozen=True)
class Mailbox:
    """What one answered, and whether it was meant to be open."""

    address: str
    is_meant_open: bool
    said: dict[str, str]
    code: str = ""


@dataclass(frozen=True)
class Check:
    at: datetime
    # None: no worker has answered yet.
    found_at: datetime | None
    inside: str
    outside: str
    says: str
    is_fine: bool
    mailboxes: tuple[Mailbox, ...]
    now: datetime
    # When a worker took it up: asking Microsoft may take longer than a silence.
    began_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        return self.found_at is None and self.now - self.at < GIVEN_UP

    @property
    def is_silent(self) -> bool:
        return self.found_at is None and self.began_at is None and self.now - self.at > SILENCE


def may_be_asked(link: TenantLink, address: str) -> bool:
    """Whoever proved the domain may speak for its addresses, and for no others."""
    name, _, _ = address.rpartition("@")
    return bool(name) and domain_of(address) in link.domains


def ask(link: TenantLink, *, inside: str = "", outside: str = "", now: datetime) -> bool:
    """Write down that somebody asked. False: it cannot be written down at the moment."""
    fresh: dict[str, Any] = {"found_at": None, "says": "", "is_fine": False, "mailboxes": []}
    return _write(link.pk, {"at": now, "inside": inside, "outside": outside, **fresh})


def latest(link: TenantLink, *, now: datetime) -> Check | None:
    found = _read(link.pk)
    if found is None:
        return None
    mailboxes = tuple(Mailbox(**one) for one in found.pop("mailboxes"))
    return Check(**found, mailboxes=mailboxes, now=now)


def carry_out(link_id: int, *, now: datetime) -> None:
    """Ask Microsoft, file what it says, and say so on the page that asked."""
    asked = _read(link_id) or {"at": now, "inside": "", "outside": "", "mailboxes": []}
    _write(link_id, {"found_at": None, "says": "", "is_fine": False, **asked, "began_at": now})
    named = [asked["inside"]] if asked["inside"] else []
    link = link_checks.check_link(link_id, now=now, anew=True, prefer=named)
    if link is None:
        return
    mailboxes = _ask_mailboxes(link, asked, now=now)
    # Whoever is let in or kept out now is found by these, mailbox by mailbox.
    probing.again(link, now=now)
    links.want_followed(link.account, now=now)
    nudge(current_app.signature(links.FOLLOW), link_id=link.pk)
    drift.look(link.pk, now=now)
    says, is_fine = _in_words(link, mailboxes, wanted.needed_for(link))
    found = {"found_at": now, "says": says, "is_fine": is_fine, "mailboxes": [vars(one) for one in mailboxes or ()]}
    _write(link_id, {"at": asked["at"], "inside": asked["inside"], "outside": asked["outside"], **found})


def look_after(*, now: datetime) -> int:
    """Of every organization: what its roles leave open is asked of a mailbox, and drift is looked for. Answers how many
    it was found in. One that is in trouble does not keep the others."""
    needs: dict[tuple[int, str], Needs] = {}
    told = 0
    links = TenantLink.objects.filter(ended_at=None, roles_at__isnull=False).select_related("account").order_by("pk")
    for link in links:
        if not link.service_principal_id and (token := tenant_tokens.held(link, now=now)):
            mailbox_rights.note_principal(link, token)
        _ask_what_is_open(link, now=now)
        kind = (link.account_id, link.api)
        if kind not in needs:
            needs[kind] = wanted.needed_for(link)
        told += drift.look(link.pk, now=now, needed=needs[kind])
    return told


def _ask_what_is_open(link: TenantLink, *, now: datetime) -> None:
    is_known = link.is_by_ews or {WRITE_CALENDARS, READ_CONTACTS} <= contained(link.roles)
    if is_known or not mailbox_rights.are_old(link, now=now):
        return
    token, mailbox = tenant_tokens.held(link, now=now), mailbox_rights.typical(link)
    if link.state == LinkState.WORKING and token and mailbox:
        with outbound.deadline(ALL_OF_IT):
            answers = mailbox_rights.ask(link, token, mailbox.address, sounding.path_of(mailbox))
        mailbox_rights.note(link, answers, now=now)


def _ask_mailboxes(link: TenantLink, asked: dict[str, Any], *, now: datetime) -> list[Mailbox] | None:
    """None: there is nothing to ask them with."""
    token = tenant_tokens.held(link, now=now)
    if token is None or link.state == LinkState.PAUSED:
        return None
    mailbox_rights.note_principal(link, token)
    found = []
    with outbound.deadline(ALL_OF_IT):
        for address, path, is_meant_open in _places(link, asked):
            answers = mailbox_rights.ask(link, token, address, path)
            found.append(Mailbox(address, is_meant_open, dict(answers.said), answers.code))
            if is_meant_open:
                mailbox_rights.note(link, answers, now=now)
    return found


def _places(link: TenantLink, asked: dict[str, Any]) -> Iterable[tuple[str, str, bool]]:
    if asked["inside"]:
        yield asked["inside"], mailbox_rights.path_to(link, asked["inside"]), True
    elif mailbox := mailbox_rights.typical(link):
        yield mailbox.address, sounding.path_of(mailbox), True
    if asked["outside"]:
        yield asked["outside"], mailbox_rights.path_to(link, asked["outside"]), False


def _in_words(link: TenantLink, mailboxes: list[Mailbox] | None, needed: Needs) -> tuple[str, bool]:
    if link.state != LinkState.WORKING and link.reason:
        return f"{reasons.in_words(link.reason)}. Meridian asks again by itself.", False
    if mailboxes is None:
        return "Microsoft was not asked: another look at this organization is under way. Try again in a minute.", False
    if not mailboxes:
        return "Microsoft gives Meridian a token. No mailbox was asked, because nobody is connected yet.", True
    wrong = [says for one in mailboxes if (says := _what_is_wrong(one, needed))]
    return (" ".join(wrong), False) if wrong else ("It is as it should be.", True)


def _what_is_wrong(one: Mailbox, needed: Needs) -> str:
    """Empty where it is right: all that is needed is open, or nothing at all is."""
    asked = _needed(needed) if one.is_meant_open else _askable(needed)
    is_wrong = Said.REFUSED if one.is_meant_open else Said.OK
    wrong = [what for what in asked if one.said.get(what) == is_wrong]
    unclear = [what for what in asked if one.said.get(what, Said.NOTHING) == Said.NOTHING]
    if wrong and one.is_meant_open:
        return f"{one.address} should be open, and Microsoft refuses {_listed(wrong)}."
    if wrong:
        return (
            f"{one.address} should be closed, and Microsoft still opens {_listed(wrong)}: either a permission for all "
            "mailboxes is left, or the change has not spread yet (up to two hours)."
        )
    return f"{one.address} gave no answer that says whether Microsoft opens {_listed(unclear)}." if unclear else ""


def _needed(needed: Needs) -> list[Asked]:
    writes = [Asked.CALENDAR_WRITE] if needed.writes_calendars else []
    return [Asked.CALENDAR, *writes, *([Asked.CONTACTS] if needed.reads_contacts else [])]


def _askable(needed: Needs) -> list[Asked]:
    return [Asked.CALENDAR] if isinstance(needed, NeedsOfEws) else list(Asked)


def _listed(asked: Iterable[Asked]) -> str:
    return " and ".join(_WHAT[one] for one in asked)


def _read(pk: int) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = cache.get(_key(pk))
    except RedisError:
        return None
    return found


def _write(pk: int, found: dict[str, Any]) -> bool:
    try:
        cache.set(_key(pk), found, KEPT.total_seconds())
    except RedisError:
        log.warning("organization.check.not_noted", link=pk)
        return False
    return True


def _key(pk: int) -> str:
    return f"organization-check:{pk}"
