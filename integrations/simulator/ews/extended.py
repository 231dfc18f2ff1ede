"""Extended properties: kept under Graph's names of them, and written under Exchange's."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from integrations.simulator.ews import refusals
from integrations.simulator.ews.elements import el
from integrations.simulator.ews.nodes import Node
from integrations.simulator.graph import errors
from integrations.simulator.graph import extended as kept
from integrations.simulator.models import Event

# Property sets that have a name.
SETS = {
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "Common": "00062008-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
}


def element(event: Event, uri: Node) -> Element | None:
    value = event.extended.get(name_of(uri))
    if value is None:
        return None
    return el("t:ExtendedProperty", el("t:ExtendedFieldURI", **dict(uri.attributes)), el("t:Value", value))


def read(given: Node) -> dict[str, str]:
    """One `ExtendedProperty`, under Graph's name of it."""
    uri, value = given.find("ExtendedFieldURI"), given.find("Value")
    if uri is None or value is None:
        raise refusals.not_simulated("extended properties of many values")
    return {name_of(uri): value.text}


def name_of(uri: Node) -> str:
    given = uri.attributes
    kind = given.get("PropertyType", "")
    if tag := given.get("PropertyTag"):
        return _canonical(f"{kind} {_hexadecimal(tag)}")
    guid = given.get("PropertySetId") or SETS.get(given.get("DistinguishedPropertySetId", ""), "")
    if name := given.get("PropertyName"):
        return _canonical(f"{kind} {{{guid}}} Name {name}")
    return _canonical(f"{kind} {{{guid}}} Id {_hexadecimal(given.get('PropertyId', ''))}")


def _hexadecimal(text: str) -> str:
    """Numbers of properties are written either way."""
    try:
        return hex(int(text, 16 if text.lower().startswith("0x") else 10))
    except ValueError:
        raise refusals.schema(f"The 'PropertyId' attribute is invalid - The value '{text[:40]}' is invalid.") from None


def _canonical(text: str) -> str:
    try:
        return kept.canonical(text)
    except errors.Refused:
        raise refusals.Refused(
            "ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid."
        ) from None
