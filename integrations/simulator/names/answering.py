"""One question to the name server, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.message import Message
from dns.rcode import Rcode

from integrations.simulator import place
from integrations.simulator.control import faults, seen
from integrations.simulator.control.resetting import ConnectionBroken
from integrations.simulator.control.seen import Notes
from integrations.simulator.models import Fault
from integrations.simulator.names import zones
from integrations.simulator.names.zones import Zone

HEADER = 12  # octets
SMALLEST, LARGEST = 512, 1232  # of a datagram: what anybody takes, and what passes everywhere


@dataclass(frozen=True)
class Said:
    rcode: Rcode
    why: str
    tenant: str = ""


def answer(wire: bytes, *, by_datagram: bool, now: datetime) -> bytes | None:
    """None: silence."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return _malformed(wire)
    if query.flags & dns.flags.QR:
        return None
    reply = dns.message.make_response(query)
    try:
        said = _reply(query, reply, now=now)
    except ConnectionBroken:
        _log(query, None, now=now)
        return None
    reply.set_rcode(said.rcode)
    _log(query, said, now=now)
    if not by_datagram:
        return reply.to_wire()
    room = max(SMALLEST, min(query.payload, LARGEST)) if query.edns >= 0 else SMALLEST
    return reply.to_wire(max_size=room, prefer_truncation=True)


def _reply(query: Message, reply: Message, *, now: datetime) -> Said:
    if query.opcode() != dns.opcode.QUERY:
        return Said(Rcode.NOTIMP, "Only questions are answered.")
    if len(query.question) != 1:
        return Said(Rcode.FORMERR, "There is one question in a message.")
    asked = query.question[0]
    zone = zones.zone_of(asked.name, host=place.here().host) if asked.rdclass == dns.rdataclass.IN else None
    if zone is None:
        return Said(Rcode.REFUSED, "This is a domain of none of the organizations.")
    tenant = str(zone.tenant.tid)
    name = asked.name.to_text(omit_final_dot=True)
    trouble = faults.meet(Fault.Target.DNS, tenant=zone.tenant.pk, path=name, now=now)
    if trouble is not None:
        return Said(dns.rcode.from_text(trouble.code), "A fault was ordered.", tenant)
    reply.flags |= dns.flags.AA
    return _look_up(zone, asked.name, asked.rdtype, reply, tenant)


def _look_up(zone: Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType, reply: Message, tenant: str) -> Said:
    found = [one for one in zone.at(name) if kind in (one.rdtype, dns.rdatatype.ANY)]
    reply.answer.extend(found)
    if found:
        return Said(Rcode.NOERROR, f"There {_count(sum(map(len, found)))}.", tenant)
    reply.authority.append(zone.start())
    if zone.has(name):
        return Said(Rcode.NOERROR, "The name is there, without a record of this kind.", tenant)
    return Said(Rcode.NXDOMAIN, f"Nothing of that name is published for {zone.tenant.name}.", tenant)


def _count(records: int) -> str:
    return "is one record" if records == 1 else f"are {records} records"


def _malformed(wire: bytes) -> bytes | None:
    """Its number at least can be answered; what is an answer itself never is."""
    if len(wire) < HEADER or wire[2] & 0x80:
        return None
    reply = dns.message.Message(id=int.from_bytes(wire[:2], "big"))
    reply.flags = dns.flags.QR
    reply.set_rcode(Rcode.FORMERR)
    return reply.to_wire()


def _log(query: Message, said: Said | None, *, now: datetime) -> None:
    asked = query.question[0] if query.question else None
    notes = Notes(why="The question was left unanswered: a fault was ordered.")
    if said is not None:
        notes = Notes(why=said.why, code=dns.rcode.to_text(said.rcode), tenant=said.tenant)
    seen.record(
        at=now,
        kind="dns",
        # A question is a set of records without any, and so is false.
        method="" if asked is None else dns.rdatatype.to_text(asked.rdtype),
        path="" if asked is None else asked.name.to_text(omit_final_dot=True),
        notes=notes,
    )
