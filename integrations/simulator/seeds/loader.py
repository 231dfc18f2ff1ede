"""From a seed to rows: at the first start, at every start for applications and calendars, and on reset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import IntegrityError, transaction

from integrations.simulator.entra import approvals
from integrations.simulator.models import Calendar, Tenant
from integrations.simulator.seeds import crowds, emptying, fortnight, planting, reading, registering
from integrations.simulator.seeds.fortnight import Shelf
from integrations.simulator.seeds.seed import BadSeed, Seed, SeedTenant

__all__ = ["BadSeed", "password", "plant", "reset", "top_up", "use"]


def use(path: Path) -> None:
    """The seed of this process, read once: a reset brings back what the start began with."""
    global _seed
    _seed = reading.read(path)


def password() -> str:
    """What people of the seed sign in with at first, unless they have one of their own; the pages tell."""
    return _current().password


def plant(*, now: datetime) -> None:
    """Tenants that are not there yet; applications as the environment says now; calendars carried on."""
    known = set(Tenant.objects.values_list("tid", flat=True))
    try:
        with transaction.atomic():
            _put([one for one in _current().tenants if one.tid not in known], now=now)
    except IntegrityError:
        raise BadSeed(
            "The data directory holds other organizations with domains, people or addresses of this seed. "
            "Start with another --data, or delete it."
        ) from None
    top_up(now=now)


def reset(*, tenant: Tenant | None = None, now: datetime) -> None:
    """All as on the first day, or one tenant; requests meanwhile see what was before or what is after."""
    wanted = [one for one in _current().tenants if tenant is None or one.tid == tenant.tid]
    if not wanted:
        raise BadSeed(f"{tenant} is not in the seed, so there is no first day to go back to.")
    with transaction.atomic():
        if tenant is None:
            for other in Tenant.objects.exclude(tid__in=[one.tid for one in wanted]):
                emptying.remove(other)
        for one in wanted:
            _clear(one)
        _put(wanted, now=now)
        _fill([one.tid for one in wanted], now=now)
    for one in wanted:
        approvals.clear(str(one.tid))


def top_up(*, now: datetime) -> int:
    """Daily: a fortnight stays a lively fortnight however long this runs."""
    return _fill([one.tid for one in _current().tenants], now=now)


def _clear(seed: SeedTenant) -> None:
    tenant = Tenant.objects.filter(tid=seed.tid).first()
    if tenant is None:
        return
    crowd = [planting.calendar_ids(one)[0] for one in seed.people if one.events]
    kept = Calendar.objects.filter(graph_id__in=crowd).values_list("pk", flat=True)
    emptying.sweep(tenant, keep_events_of=list(kept))
    emptying.trim(
        tenant,
        people=[one.oid for one in seed.people],
        calendars=[calendar_id for one in seed.people for calendar_id in planting.calendar_ids(one)],
        client_ids=[one.client_id for one in _current().applications if one.publisher == seed.tid],
    )


def _put(tenants: Sequence[SeedTenant], *, now: datetime) -> None:
    """Applications of these tenants anew, of others as the environment says now; then what each tenant allows."""
    planted = {one.tid: _put_directory(one, now=now) for one in tenants}
    for application in _current().applications:
        registering.register(application, is_anew=application.publisher in planted, now=now)
    for one in tenants:
        for enterprise in one.enterprises:
            registering.allow(enterprise, planted[one.tid], now=now)


def _put_directory(seed: SeedTenant, *, now: datetime) -> Tenant:
    tenant = planting.tenant(seed)
    people = planting.people(seed, tenant, now=now)
    planting.mailboxes(seed, people, now=now)
    crowd = {planting.calendar_ids(one)[0]: one.events for one in seed.people if one.events}
    found = Calendar.objects.filter(graph_id__in=crowd).select_related("person")
    crowds.plant({calendar: crowd[calendar.graph_id] for calendar in found}, now=now)
    return tenant


def _fill(tenants: Sequence[UUID], *, now: datetime) -> int:
    """Whoever was renamed meanwhile goes on having the entries of their first name."""
    meetings = _current().meetings
    named = {who.address for one in meetings for who in (one.organizer, *one.attendees)}
    people = [person for one in _current().tenants if one.tid in tenants for person in one.people]
    wanted = {person.oid: person.address for person in people if person.address in named}
    shelves: dict[int, dict[str, Calendar]] = {}
    for calendar in Calendar.objects.filter(person__oid__in=wanted).select_related("person").order_by("-is_default"):
        shelves.setdefault(calendar.person_id, {}).setdefault(calendar.name, calendar)
    return fortnight.fill((_shelf(wanted, calendars) for calendars in shelves.values()), meetings, now=now)


def _shelf(addresses: Mapping[UUID, str], calendars: Mapping[str, Calendar]) -> Shelf:
    """The default calendar comes first; nobody can delete it."""
    default = next(iter(calendars.values()))
    return Shelf(addresses[default.person.oid], default, calendars)


def _current() -> Seed:
    if _seed is None:
        raise RuntimeError("No seed has been read yet: `serve` does so.")
    return _seed


_seed: Seed | None = None
