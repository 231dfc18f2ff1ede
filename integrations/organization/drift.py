"""Drift: what Microsoft grants is no longer what the settings need.

Looked for in what other sweeps have learned. What is found is kept with the link, written into the audit log, and
mailed to the admins of the account once; again only when something else is missing or too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit, letters
from accounts.letters import Draft
from accounts.models import Letter, Role, User
from integrations.models import TenantLink
from integrations.organization import mailbox_rights, wanted
from integrations.organization.needs import REGISTERED, Needs, Row, Standing, about, compare

Drift = dict[str, list[str]]
MISSING, MORE, WITHOUT = "missing", "more", "without"
_KINDS = {Standing.MISSING: MISSING, Standing.MORE: MORE, Standing.DONE_WITHOUT: WITHOUT}


def _in_words(names: Any) -> str:
    return ", ".join(names) or "none"


_SAY = dict.fromkeys((MISSING, MORE, WITHOUT), _in_words)
FOUND = audit.declare(
    "organization.permissions_drifted",
    "In {target} Microsoft no longer grants what Meridian needs, or grants more.",
    say=_SAY,
)
CLOSER = audit.declare(
    "organization.permissions_narrowed", "In {target} what Microsoft grants is closer to what is needed.", say=_SAY
)


def look(link_id: int, *, now: datetime, needed: Needs | None = None) -> bool:
    """Compare and write down what changed; True: it was told. May be said again and again. No I/O but the database."""
    link = TenantLink.objects.select_related("account").filter(pk=link_id, ended_at=None).first()
    if link is None or link.roles_at is None:
        return False
    rows = compare(needed or wanted.needed_by(link.account), link.roles, mailbox_rights.known(link))
    if _found(rows, link.drift) == link.drift:
        return False
    with transaction.atomic():
        mine = TenantLink.objects.select_for_update(of=("self",)).select_related("account")
        held = mine.filter(pk=link_id, ended_at=None, roles_at=link.roles_at).first()
        return held is not None and _write(held, rows, now=now)


def is_drifted(link: TenantLink) -> bool:
    """Something of it was told."""
    return link.drift_since is not None


def _write(link: TenantLink, rows: list[Row], *, now: datetime) -> bool:
    before = link.drift or _at_first(rows)
    found = _found(rows, before)
    fresh = {kind: sorted(set(found[kind]) - set(before.get(kind, []))) for kind in found}
    columns: dict[str, Any] = {"drift": found}
    if any(fresh.values()):
        columns |= {"drift_since": now, "drift_told_at": now}
    elif not any(found.values()):
        columns["drift_since"] = None
    TenantLink.objects.filter(pk=link.pk).update(**columns)
    link.drift_since = columns.get("drift_since", link.drift_since)
    if found != before:
        action = FOUND if any(fresh.values()) else CLOSER
        audit.record(action, account=link.account, actor=None, on=link, now=now, before=before, after=found)
    if any(fresh.values()):
        letters.post(_drafts(link, rows, fresh), now=now)
    return any(fresh.values())


def _found(rows: Iterable[Row], before: Mapping[str, list[str]]) -> Drift:
    """What nobody can tell at the moment is as it was."""
    found: Drift = {kind: [] for kind in (MISSING, MORE, WITHOUT)}
    for row in rows:
        if kind := _KINDS.get(row.standing):
            found[kind].append(row.name)
        elif row.standing is Standing.UNKNOWN and row.name in before.get(MISSING, []):
            found[MISSING].append(row.name)
    return {kind: sorted(names) for kind, names in found.items()}


def _at_first(rows: Iterable[Row]) -> Drift:
    """Whoever consented was shown all that the application asks for: of that nothing is news."""
    found = _found(rows, {})
    return {**found, MISSING: [], MORE: [name for name in found[MORE] if name in REGISTERED]}


# ── The letter ──────────────────────────────────────────────────────────────
def still_so(letter: Letter) -> bool:
    pk, _, since = letter.incident.partition(":")
    return TenantLink.objects.filter(pk=pk, drift_since=datetime.fromisoformat(since), ended_at=None).exists()


LETTER = letters.declare("organization.drift", still_holds=still_so)


def _drafts(link: TenantLink, rows: list[Row], fresh: Drift) -> list[Draft]:
    assert link.drift_since is not None, "only what is found is told"  # noqa: S101
    admins = User.objects.of(link.account).filter(role__in=[Role.OWNER, Role.ADMIN], is_active=True).order_by("pk")
    of_name = {row.name: row for row in rows}
    words: dict[str, Any] = {
        kind: [of_name[name] if name in of_name else about(name) for name in fresh[kind]] for kind in fresh
    }
    words |= {"link": settings.PUBLIC_URL + reverse("organization", args=[link.pk]), "organization": str(link)}
    incident = f"{link.pk}:{link.drift_since.isoformat()}"
    return [
        Draft(person, LETTER, incident, "Microsoft’s permissions for Meridian have changed", _text(person, words))
        for person in admins
    ]


def _text(person: User, words: Mapping[str, Any]) -> str:
    return render_to_string("integrations/letters/drift.txt", {"person": person, **words})
