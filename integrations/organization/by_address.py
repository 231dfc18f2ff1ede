"""Mailboxes of which an address is all that is known: because the directory may not be read, knows nobody of that
name, or is not there to be asked, as by EWS."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from integrations.models import Connection, State, TenantLink
from integrations.organization import keeping_up, rows
from integrations.organization.matching import same
from integrations.organization.rows import Ending, Verdict


def may_be_asked(link: TenantLink) -> bool:
    """Where the directory is read, it alone tells whose mailbox an address is."""
    return link.is_by_ews or bool(link.found.get("directory") == "refused")


def is_all_there_is(connection: Connection) -> bool:
    """Of one that is not connected: nobody has found yet who it is at Microsoft."""
    return connection.is_by_organization and connection.state == State.NOT_ELIGIBLE and not connection.object_id


def opened(link: TenantLink, connections: Iterable[Connection], *, now: datetime) -> None:
    """Connected as following does it: to the mailbox of their own address, if they may and nobody else has it."""
    verdicts = {
        one.user_id: Verdict(one.user_id, "", one.user.email, is_open=True)
        for one in connections
        if same(one.address) == same(one.user.email)
    }
    if verdicts:
        rows.write(link, verdicts, now=now)


def settle(
    link: TenantLink, answered: Sequence[tuple[Connection, dict[str, Any]]], *, now: datetime
) -> Collection[int]:
    """Of those that opened: whose connection is settled by it, and needs no more to be said."""
    if link.is_by_ews:
        return _settle_named(link, answered, now=now)
    found = [one for one, _ in answered if is_all_there_is(one)]
    opened(link, found, now=now)
    return {one.pk for one in found}


def _settle_named(
    link: TenantLink, answered: Sequence[tuple[Connection, dict[str, Any]]], *, now: datetime
) -> Collection[int]:
    """By EWS the answer names the mailbox: it may be called otherwise than before, or be another's by now."""
    news = {
        one.user_id: (one, str(answer["address"]))
        for one, answer in answered
        if is_all_there_is(one) or same(one.address) != same(str(answer["address"]))
    }
    verdicts = {person: Verdict(person, one.object_id, name, is_open=True) for person, (one, name) in news.items()}
    written = rows.write(link, rows.without_twins(verdicts), now=now) if verdicts else {}
    # Where the settings do not let them have it under that name, they end it as soon as it is known.
    outside = [news[person] for person, ending in written.items() if ending is Ending.OUTSIDE_DOMAIN]
    keeping_up.rename(link, {one.pk: (one.object_id, name) for one, name in outside if one.is_alive})
    return {one.pk for one, _ in news.values()}
