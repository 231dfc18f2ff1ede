"""Mailboxes of which an address is all that is known, because the directory may not be read, or knows nobody of
that name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from integrations.models import Connection, State, TenantLink
from integrations.organization import rows
from integrations.organization.matching import same
from integrations.organization.rows import Verdict


def may_be_asked(link: TenantLink) -> bool:
    """Where the directory is read, it alone tells whose mailbox an address is."""
    return bool(link.found.get("directory") == "refused")


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
