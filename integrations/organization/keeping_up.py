"""What following changes of connections as they stand, whose state stays: addresses, and how much they may do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import listed
from integrations.models import Connection, Move, TenantLink
from integrations.organization import links
from integrations.organization.mailbox_rights import may_write_calendars
from integrations.organization.people import People
from integrations.preferences import Api, Method


def rename(link: TenantLink, called: Mapping[int, tuple[str, str]]) -> None:
    """By connection its object id and address of now. What the settings make of another domain is for `fitting`."""
    ids = sorted(called)
    for at in range(0, len(ids), links.AT_ONCE):
        _rename(link, {pk: called[pk] for pk in ids[at : at + links.AT_ONCE]})


def refuse(connections: Collection[int]) -> None:
    """The organization has no mailbox for these that is the one that was connected otherwise."""
    if connections:
        theirs = Q(method=Method.OAUTH.value) | Q(api=Api.EWS.value)
        mine = Connection.objects.filter(theirs, pk__in=listed.ids(connections))
        mine.exclude(move=Move.REFUSED).update(move=Move.REFUSED)


def fit_rights(link: TenantLink, people: People) -> None:
    """What is granted, and whether calendars are written, as the link and the settings are now. Written only where it
    changes."""
    carried = links.carried_by(link)
    carried.exclude(granted=link.roles).update(granted=link.roles)
    may_write = may_write_calendars(link)
    changed: dict[bool, list[int]] = {True: [], False: []}
    for one in people.of(link):
        if one.is_alive and (covered := people.covered.get(one.person)):
            wanted = may_write and covered.may_write
            if wanted != one.calendar_write:
                changed[wanted].append(one.pk)
    for wanted, ids in changed.items():
        if ids:
            carried.filter(pk__in=listed.ids(ids)).update(calendar_write=wanted)


def _rename(link: TenantLink, called: Mapping[int, tuple[str, str]]) -> None:
    try:
        with transaction.atomic():
            found = list(
                links.carried_by(link)
                .select_for_update(of=("self",))
                .filter(pk__in=list(called))
                .only("pk", "object_id", "address")
                .order_by("pk")
            )
            for one in found:
                one.object_id, one.address = called[one.pk]
            Connection.objects.bulk_update(found, ["object_id", "address"])
    except IntegrityError:
        # Somebody was connected to one of them at this moment: the next following knows it.
        return
