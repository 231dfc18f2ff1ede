"""Envelopes: what a request says around its operation, and what goes around an answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from integrations.simulator.ews import nodes, refusals
from integrations.simulator.ews.callers import Server
from integrations.simulator.ews.elements import ERRORS, MESSAGES, SOAP, TYPES, el, group
from integrations.simulator.ews.nodes import Node, Unreadable
from integrations.simulator.ews.refusals import Refused

# Each knows what those before it know.
VERSIONS = (
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013",
    "Exchange2013_SP1", "Exchange2015", "Exchange2015_SP1", "Exchange2016", "V2015_10_05", "V2016_01_06",
    "V2016_04_13", "V2016_07_13", "V2016_10_10", "V2017_01_07", "V2017_04_14", "V2017_07_11", "V2017_10_09",
    "V2018_01_08",
)  # fmt: skip
# Schemas newer than this one are those of the service, and no server of anybody's own has them.
_LAST_ON_PREMISES = "V2017_07_11"
# Major, minor, major build, minor build; the newest schema that it speaks.
BUILDS = {
    Server.ONLINE: ("15", "20", "9388", "12", "V2018_01_08"),
    Server.ON_PREMISES: ("15", "2", "1748", "26", "V2017_07_11"),
}


@dataclass(frozen=True)
class Asked:
    operation: Node
    version: str
    impersonated: Node | None
    """The `ConnectingSID`, if there is one."""
    zone: str
    """The Windows name of the time zone context; empty for none."""


def read(content: bytes, server: Server) -> Asked:
    """Refuses as Exchange does what is no SOAP request of its own."""
    try:
        envelope = nodes.parse(content)
    except Unreadable as why:
        raise refusals.schema("The request is not well-formed.").because(str(why)) from None
    body = envelope.find("Body")
    if (envelope.space, envelope.name) != (SOAP, "Envelope") or body is None or len(body.children) != 1:
        raise refusals.schema("The element 'Envelope' is incomplete.").because("It is no SOAP envelope with one body.")
    operation = body.children[0]
    if operation.space != MESSAGES:
        raise refusals.schema(f"The element '{operation.name[:40]}' is not expected.")
    header = envelope.find("Header") or Node(SOAP, "Header", {})
    impersonation = header.find("ExchangeImpersonation")
    sid = impersonation.find("ConnectingSID") if impersonation else None
    if impersonation and (sid is None or len(sid.children) != 1):
        raise refusals.schema("The element 'ExchangeImpersonation' is incomplete.")
    zone = header.find("TimeZoneContext", "TimeZoneDefinition")
    return Asked(operation, _version(header, server), sid, zone.attributes.get("Id", "") if zone else "")


def answer(content: Element, server: Server) -> Element:
    major, minor, build, revision, version = BUILDS[server]
    info = el(
        "t:ServerVersionInfo",
        MajorVersion=major,
        MinorVersion=minor,
        MajorBuildNumber=build,
        MinorBuildNumber=revision,
        Version=version,
    )
    return _envelope(el("s:Header", info), el("s:Body", content))


def fault(refused: Refused) -> Element:
    detail = group(
        "detail",
        [
            el("e:ResponseCode", refused.code, **{"xmlns:e": ERRORS}),
            el("e:Message", refused.message, **{"xmlns:e": ERRORS}),
            *([message_xml("t:MessageXml", refused)] if refused.values else []),
        ],
    )
    said = el(
        "s:Fault",
        el("faultcode", f"a:{refused.code}", **{"xmlns:a": TYPES}),
        el("faultstring", refused.message, **{"xml:lang": "en-US"}),
        detail,
    )
    return _envelope(el("s:Body", said))


def message_xml(tag: str, refused: Refused) -> Element:
    """Of a violation of the schema, elements of their own names; of all else, named values."""
    if refused.code == "ErrorSchemaValidation":
        return group(tag, [el(f"t:{name}", value) for name, value in refused.values.items()])
    return group(tag, [el("t:Value", value, Name=name) for name, value in refused.values.items()])


def response(operation: str, messages: Iterable[Element]) -> Element:
    return el(f"m:{operation}Response", group("m:ResponseMessages", messages))


def success(operation: str, *content: Element | None) -> Element:
    tag = f"m:{operation}ResponseMessage"
    return el(tag, el("m:ResponseCode", "NoError"), *content, ResponseClass="Success")


def failed(operation: str, refused: Refused, *content: Element) -> Element:
    """One message of several; a fault answers them all."""
    if refused.is_fault:
        raise refused
    return error(operation, refused, *content)


def error(operation: str, refused: Refused, *content: Element, response_class: str = "Error") -> Element:
    return el(
        f"m:{operation}ResponseMessage",
        el("m:MessageText", refused.message),
        el("m:ResponseCode", refused.code),
        el("m:DescriptiveLinkKey", 0),
        message_xml("m:MessageXml", refused) if refused.values else None,
        *content,
        ResponseClass=response_class,
    )


def _version(header: Node, server: Server) -> str:
    node = header.find("RequestServerVersion")
    if node is None:
        return VERSIONS[0]
    given = node.attributes.get("Version", "")
    known = VERSIONS if server is Server.ONLINE else VERSIONS[: VERSIONS.index(_LAST_ON_PREMISES) + 1]
    if given not in known:
        raise refusals.unknown_version(given)
    return given


def _envelope(*parts: Element) -> Element:
    return group("s:Envelope", parts, **{"xmlns:s": SOAP, "xmlns:m": MESSAGES, "xmlns:t": TYPES})
