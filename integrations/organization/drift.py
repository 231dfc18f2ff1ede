"""Drift: what Microsoft grants is no longer what the settings need.

Looked for in what other sweeps have learned. What is found is kept with the link, written into the audit log, and
mailed to the admins of the account once; again only when something else is missing or too much, and of one permission
not more than once a week. What follows from a change of the portal's own settings is no news from Microsoft: it is
shown and audited, and nobody is mailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from integrations.organization.needs import REGISTERED, REGISTERED_FOR_EWS, Needs, Row, Standing, about, compare

Drift = dict[str, list[str]]
QUIET = timedelta(days=7)
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
NEEDED = audit.declare(
    "organization.needs_changed",
    "Of {target} other permissions are needed than before, because the settings changed.",
    say=_SAY,
)


def look(link_id: int, *, now: datetime, needed: Needs | None = None) -> bool:
    """Compare and write down what changed; True: it was told. May be said again and again. No I/O but the database."""
    link = TenantLink.objects.select_related("account").filter(pk=link_id, ended_at=None).first()
    if link is None or link.roles_at is None:
        return False
    needed = needed or wanted.needed_for(link)
    seen = _seen(link, needed, now=now)
    if seen.kept == link.drift:
        return False
    with transaction.atomic():
        mine = TenantLink.objects.select_for_update(of=("self",)).select_related("account")
        held = mine.filter(pk=link_id, ended_at=None, roles_at=link.roles_at).first()
        return held is not None and _write(held, _seen(held, needed, now=now), now=now)


def is_drifted(link: TenantLink) -> bool:
    """Something of it was told."""
    return link.drift_since is not None


@dataclass(frozen=True)
class _Seen:
    """One comparison with what was found before."""

    rows: list[Row]
    before: Drift
    found: Drift
    # Of what is new, what is told: by Microsoft’s doing, and not told within the week.
    told: Drift
    is_new: bool
    # The settings changed, and nothing of what is new is Microsoft’s doing.
    is_of_settings: bool
    # As it is kept with the link.
    kept: dict[str, Any]


def _seen(link: TenantLink, needed: Needs, *, now: datetime) -> _Seen:
    probed = mailbox_rights.known(link)
    rows = compare(needed, link.roles, probed)
    before = {kind: link.drift.get(kind, []) for kind in _SAY} if link.drift else _at_first(link, rows)
    found = _found(rows, before)
    needs = type(needed)(**link.drift.get("needs", vars(needed)))
    as_needed_before = _found(compare(needs, link.roles, probed), before)
    fresh = _beyond(found, before)
    owed = {kind: sorted({*names, *_still(link.drift.get("owed", {}), kind, found)}) for kind, names in fresh.items()}
    by_microsoft = _beyond(as_needed_before, before)
    news = {
        kind: [name for name in names if name not in fresh[kind] or name in by_microsoft[kind]]
        for kind, names in owed.items()
    }
    days = {key: day for key, day in link.drift.get("told", {}).items() if now - datetime.fromisoformat(day) < QUIET}
    told = {kind: [name for name in names if f"{kind} {name}" not in days] for kind, names in news.items()}
    days |= {f"{kind} {name}": now.isoformat() for kind, names in told.items() for name in names}
    is_of_settings = needs != needed and not any(_beyond(news, {}).values()) and found != before
    unsaid = {kind: rest for kind, names in news.items() if (rest := sorted(set(names) - set(told[kind])))}
    cause = "settings" if is_of_settings else "" if any(told.values()) else link.drift.get("cause", "")
    kept: dict[str, Any] = {**found, "needs": vars(needed)}
    kept |= {name: what for name, what in (("told", days), ("owed", unsaid), ("cause", cause)) if what}
    return _Seen(rows, before, found, told, any(fresh.values()), is_of_settings, kept)


def _write(link: TenantLink, seen: _Seen, *, now: datetime) -> bool:
    columns: dict[str, Any] = {"drift": seen.kept}
    is_told = any(seen.told.values())
    if is_told:
        columns |= {"drift_since": now, "drift_told_at": now}
    elif not any(seen.found.values()):
        columns["drift_since"] = None
    elif seen.is_new and link.drift_since is None:
        columns["drift_since"] = now
    TenantLink.objects.filter(pk=link.pk).update(**columns)
    link.drift_since = columns.get("drift_since", link.drift_since)
    if seen.found != seen.before:
        action = NEEDED if seen.is_of_settings else FOUND if seen.is_new else CLOSER
        audit.record(action, account=link.account, actor=None, on=link, now=now, before=seen.before, after=seen.found)
    if is_told:
        letters.post(_drafts(link, seen.rows, seen.told), now=now)
    return is_told


def _beyond(found: Mapping[str, list[str]], before: Mapping[str, list[str]]) -> Drift:
    return {kind: sorted(set(names) - set(before.get(kind, []))) for kind, names in found.items()}


def _still(owed: Mapping[str, list[str]], kind: str, found: Drift) -> list[str]:
    """Not told, because it was told lately, and still so."""
    return [name for name in owed.get(kind, []) if name in found[kind]]


def _found(rows: Iterable[Row], before: Mapping[str, list[str]]) -> Drift:
    """What nobody can tell at the moment is as it was."""
    found: Drift = {kind: [] for kind in (MISSING, MORE, WITHOUT)}
    for row in rows:
        if kind := _KINDS.get(row.standing):
            found[kind].append(row.name)
        elif row.standing is Standing.UNKNOWN and row.name in before.get(MISSING, []):
            found[MISSING].append(row.name)
    return {kind: sorted(names) for kind, names in found.items()}


def _at_first(link: TenantLink, rows: Iterable[Row]) -> Drift:
    """Whoever consented was shown all that the application asks for: of that nothing is news."""
    found, registered = _found(rows, {}), REGISTERED_FOR_EWS if link.is_by_ews else REGISTERED
    return {**found, MISSING: [], MORE: [name for name in found[MORE] if name in registered]}


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
