"""The request log to read: filtered, with names instead of ids, as JSON or for the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from integrations.simulator.control import seen, usage
from integrations.simulator.control.acts.declaring import Unfit
from integrations.simulator.control.seen import Entry
from integrations.simulator.models import Application, Person, Tenant

PAGE = 200
_SINCE = re.compile(r"[0-9]{1,15}")
_STATUS = re.compile(r"[0-9]{3}|[0-9]xx|failed")


@dataclass(frozen=True)
class Filter:
    since: int = 0
    person: str = ""
    app: str = ""
    status: str = ""
    """A status, or its hundred such as 4xx; “failed” for all from 400 on."""
    remarks: bool = False
    most: int = seen.KEPT


@dataclass(frozen=True)
class Names:
    people: Mapping[str, str]
    applications: Mapping[str, str]
    tenants: Mapping[str, str]


def check(sent: Mapping[str, str]) -> None:
    """Raises Unfit."""
    if _sent(sent, "since") and not _SINCE.fullmatch(_sent(sent, "since")):
        raise Unfit("“since” must be the number of an entry.")
    if _sent(sent, "status") and not _STATUS.fullmatch(_sent(sent, "status")):
        raise Unfit("“status” must be a status such as 429, a hundred such as 4xx, or “failed”.")


def read_filter(sent: Mapping[str, str]) -> Filter:
    """What makes no sense is left out: a page shows too much rather than an error. `check` is for machines."""
    since, status = _sent(sent, "since"), _sent(sent, "status")
    return Filter(
        since=int(since) if _SINCE.fullmatch(since) else 0,
        person=_sent(sent, "person"),
        app=_sent(sent, "app"),
        status=status if _STATUS.fullmatch(status) else "",
        remarks=sent.get("remarks", "") in ("1", "on", "true"),
    )


def entries(wanted: Filter) -> Sequence[Entry]:
    """Newest first."""
    known = names()
    found = (_named(entry, known) for entry in seen.entries(since=wanted.since))
    return list(islice((entry for entry in found if _fits(entry, wanted, known)), wanted.most))


def as_json(wanted: Filter) -> dict[str, Any]:
    found = entries(wanted)
    return {
        "entries": [{**asdict(entry), "at": entry.at.isoformat()} for entry in found],
        "last": found[0].number if found else wanted.since,
        "permissions": [asdict(verdict) for verdict in verdicts()],
    }


def verdicts() -> Iterator[usage.Verdict]:
    known = names().applications
    return (replace(verdict, app=known.get(verdict.app, verdict.app)) for verdict in usage.verdicts())


def names() -> Names:
    return Names(
        {str(oid): name for oid, name in Person.objects.values_list("oid", "sign_in_name")},
        {str(client_id): name for client_id, name in Application.objects.values_list("client_id", "name")},
        {str(tid): name for tid, name in Tenant.objects.values_list("tid", "name")},
    )


def _sent(sent: Mapping[str, str], name: str) -> str:
    return sent.get(name, "").strip().lower()


def _named(entry: Entry, known: Names) -> Entry:
    return replace(
        entry,
        who=known.people.get(entry.who, entry.who),
        app=known.applications.get(entry.app, entry.app),
        tenant=known.tenants.get(entry.tenant, entry.tenant),
    )


def _fits(entry: Entry, wanted: Filter, known: Names) -> bool:
    if wanted.remarks and not entry.remarks:
        return False
    if wanted.person and wanted.person not in entry.who.lower():
        return False
    if wanted.app and known.applications.get(wanted.app, wanted.app).lower() not in entry.app.lower():
        return False
    return not wanted.status or _has_status(entry, wanted.status)


def _has_status(entry: Entry, status: str) -> bool:
    if status == "failed":
        if entry.kind == "dns":
            return entry.code != "NOERROR"
        return entry.status >= 400 or (entry.status == 0 and entry.kind != "trainer")
    if status.endswith("xx"):
        return str(entry.status).startswith(status[:-2])
    return str(entry.status) == status
