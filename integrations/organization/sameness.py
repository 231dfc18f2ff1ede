"""Whether a mailbox that opened is the one that a connection is to, and whether somebody else has it already."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet
from django.db.models.functions import Lower

from integrations.models import ALIVE, Connection, State, TenantLink
from integrations.organization.matching import same
from integrations.organization.told import Verdict
from integrations.preferences import Service


def taken(link: TenantLink, verdicts: Collection[Verdict]) -> set[str]:
    """Mailboxes that somebody else has, of whatever account; by object id, or by address where that is all there is."""
    wanted = {one.object_id or same(one.address): one.person for one in verdicts}
    held: QuerySet[Connection] = Connection.objects.filter(tenant_id=link.tenant_id).exclude(state=State.DISCONNECTED)
    by_id = held.filter(object_id__in=[one.object_id for one in verdicts if one.object_id])
    found = set(by_id.values_list("object_id", "user_id"))
    addresses = {one.address.lower() for one in verdicts if one.is_open and not one.object_id}
    if addresses:
        by_address = held.annotate(lowered=Lower("address")).filter(lowered__in=addresses)
        found |= {(same(address), person) for address, person in by_address.values_list("address", "user_id")}
    return {place for place, person in found if wanted.get(place, person) != person}


def is_taken(said: Verdict, taken: Collection[str]) -> bool:
    return said.object_id in taken if said.object_id else same(said.address) in taken


def is_same(row: Connection, said: Verdict, link: TenantLink) -> bool:
    """The mailbox that they had opened. Where it is not known by its id, its address must be the same."""
    if row.service == Service.EXCHANGE.value:  # which has a server's id in that place, and may have moved since
        return same(row.address) == same(said.address)
    if row.tenant_id != link.tenant_id:
        return False
    if said.object_id and row.object_id:
        return row.object_id == said.object_id
    return same(row.address) == same(said.address)


def is_established(row: Connection, link: TenantLink) -> bool:
    """Whether the mailbox that the row names has opened for its person by this consent."""
    is_ours = row.is_by_organization and row.link_id == link.pk and row.state != State.DISCONNECTED
    return is_ours and bool(row.object_id) and row.connected_at is not None


def is_carried(row: Connection, said: Verdict, link: TenantLink) -> bool:
    is_ours = row.is_by_organization and row.link_id == link.pk and row.state in ALIVE
    return is_ours and row.object_id == said.object_id and row.address == said.address
