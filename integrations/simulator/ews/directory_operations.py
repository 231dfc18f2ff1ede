"""What needs no mailbox: names, time zones, spellings of ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from xml.etree.ElementTree import Element

from django.db.models import Q, QuerySet

from integrations.simulator.ews import ids, properties, refusals, soap, zone_definitions
from integrations.simulator.ews.elements import el, group
from integrations.simulator.ews.mailboxes import Asking, by_address
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused
from integrations.simulator.graph import zones
from integrations.simulator.models import Person

MOST_NAMES = 100
# Spellings that are the same but for two letters. Those of MAPI and the web pages are not simulated.
_FORMATS = ("EwsId", "EwsLegacyId", "OwaId", "EntryId", "HexEntryId", "StoreId")
_SPELT_THE_SAME = ("EwsId", "EwsLegacyId")


def resolve_names(asking: Asking) -> Element:
    entry = asking.operation.value("UnresolvedEntry")
    if not entry:
        raise refusals.schema("The element 'UnresolvedEntry' is incomplete.")
    with_contact = asking.operation.attributes.get("ReturnFullContactData", "").lower() in ("true", "1")
    found = [*_people(asking, entry)]
    if not found:
        nobody = Refused("ErrorNameResolutionNoResults", "No results were found.")
        return soap.response("ResolveNames", [soap.error("ResolveNames", nobody)])
    resolutions = group(
        "m:ResolutionSet",
        [_resolution(person, with_contact=with_contact) for person in found],
        TotalItemsInView=len(found),
        IncludesLastItemInRange=True,
    )
    if len(found) == 1:
        return soap.response("ResolveNames", [soap.success("ResolveNames", resolutions)])
    many = Refused("ErrorNameResolutionMultipleResults", "Multiple results were found.")
    return soap.response("ResolveNames", [soap.error("ResolveNames", many, resolutions, response_class="Warning")])


def time_zones(asking: Asking) -> Element:
    wanted = [one.text.strip() for one in asking.operation.all("Ids", "Id")]
    names = wanted or sorted(name for name in zones.WINDOWS if "//" not in name)
    known = [name for name in map(_windows, names) if name]
    is_full = asking.operation.attributes.get("ReturnFullTimeZoneData", "true").lower() in ("true", "1")
    definitions = [_definition(name, asking, is_full=is_full) for name in dict.fromkeys(known)]
    found = soap.success("GetServerTimeZones", group("m:TimeZoneDefinitions", definitions))
    return soap.response("GetServerTimeZones", [found])


def convert_ids(asking: Asking) -> Element:
    target = asking.operation.attributes.get("DestinationFormat", "")
    if target not in _FORMATS:
        raise refusals.schema("The 'DestinationFormat' attribute is invalid.")
    sources = asking.operation.find("SourceIds")
    if sources is None or not sources.children:
        raise refusals.schema("The element 'SourceIds' is incomplete.")
    return soap.response("ConvertId", [_converted(one, target) for one in sources])


def _converted(given: Node, target: str) -> Element:
    try:
        source, value = given.attributes.get("Format", ""), given.attributes.get("Id", "")
        if source not in _FORMATS or given.name != "AlternateId":
            raise refusals.schema("The element 'AlternateId' is invalid.")
        if ids.graph(value) is None:
            raise refusals.malformed_id()
        if source not in _SPELT_THE_SAME or target not in _SPELT_THE_SAME:
            raise refusals.not_simulated(f"ids of the kind {target}")
    except Refused as refused:
        return soap.failed("ConvertId", refused)
    mailbox = given.attributes.get("Mailbox")
    # Its type is named by the XML, as the schema leaves it open.
    converted = el("m:AlternateId", Format=target, Id=value, Mailbox=mailbox, **{"xsi:type": "t:AlternateIdType"})
    converted.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    return soap.success("ConvertId", converted)


def _people(asking: Asking, entry: str) -> Sequence[Person]:
    """An address that somebody has, whole; or those in whose names each word begins a word."""
    exact = by_address(asking.caller, entry)
    if exact is not None:
        return [exact]
    if not entry.isprintable() or "@" in entry:
        return []
    return [*_named(asking.caller.people, entry.split())[:MOST_NAMES]]


def _named(people: QuerySet[Person], words: Sequence[str]) -> QuerySet[Person]:
    every = [Q(name__istartswith=one) | Q(name__icontains=f" {one}") | Q(upn__istartswith=one) for one in words]
    return people.filter(reduce(lambda left, right: left & right, every)).order_by("name", "pk")


def _resolution(person: Person, *, with_contact: bool) -> Element:
    return el(
        "t:Resolution",
        properties.mailbox(person.name, person.address),
        _contact(person) if with_contact else None,
    )


def _contact(person: Person) -> Element:
    addresses = dict.fromkeys([person.address, *person.aliases])
    entries = [
        el("t:Entry", f"{'SMTP' if number == 1 else 'smtp'}:{address}", Key=f"EmailAddress{number}")
        for number, address in enumerate(addresses, start=1)
        if number <= 3
    ]
    return el(
        "t:Contact",
        el("t:DisplayName", person.name),
        el("t:GivenName", person.given_name),
        group("t:EmailAddresses", entries),
        el("t:ContactSource", "ActiveDirectory"),
        el("t:JobTitle", person.job_title) if person.job_title else None,
        el("t:Surname", person.surname),
    )


def _definition(name: str, asking: Asking, *, is_full: bool) -> Element:
    if is_full:
        return zone_definitions.element(name, year=asking.now.year)
    return el("t:TimeZoneDefinition", Id=name, Name=name)


def _windows(name: str) -> str | None:
    return zones.windows_name(name) if zones.find(name) else None
