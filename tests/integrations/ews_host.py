"""A server that speaks EWS as a test wants it to: for what the simulated Exchange does not do by itself."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from integrations.microsoft.ews import doors, signing_in
from integrations.microsoft.ews.doors import Door
from tests.integrations.tls_host import Host, certificate

__all__ = ["certificate"]

USER, PASSWORD, ADDRESS = "KESTREL\\noor", "a pass phrase", "noor@kestrel.example"
_OPERATION = re.compile(rb"<(?:\w+:)?Body>\s*<(?:\w+:)?(\w+)")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        content = self.body.encode()
        headers = {"Content-Type": "text/xml; charset=utf-8", "Content-Length": str(len(content)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Said\r\n{head}\r\n".encode() + content


Answers = Callable[[str, bytes], Reply]


class ExchangeHost:
    """Lets `USER` in with `PASSWORD`; then `answers` is asked, by the name of the operation."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.host.talk = self._talk
        self.address = f"{host.url}/EWS/Exchange.asmx"
        self.challenge = 'Basic realm="kestrel"'
        self.refusal = Reply(401)
        self.answers: Answers = answering({})
        self.asked: list[str] = []
        self.heard: list[bytes] = []
        # How often somebody came with a password, whichever.
        self.tries = 0

    def door(self, **changes: Any) -> Door:
        return doors.by_password(self.address, USER, changes.pop("password", PASSWORD), **changes)

    def _talk(self, connection: ssl.SSLSocket, _path: str) -> None:
        connection.sendall(bytes(self._reply(self.host.heard[-1])))

    def _reply(self, request: bytes) -> Reply:
        said = re.search(rb"\r\nAuthorization: (.*?)\r\n", request)
        self.tries += said is not None
        right = b"Basic " + b64encode(f"{USER}:{PASSWORD}".encode())
        if said is None or said[1] != right:
            headers = {"WWW-Authenticate": self.challenge} if self.challenge else {}
            return Reply(401, self.refusal.body if said else "", headers)
        operation = _OPERATION.search(request)
        name = operation[1].decode() if operation else ""
        self.asked.append(name)
        self.heard.append(request)
        return self.answers(name, request)


@pytest.fixture
def exchange(certificate: Path, settings: Any) -> Iterator[ExchangeHost]:
    host = Host(certificate)
    settings.EXCHANGE_CA_BUNDLE = str(certificate)
    settings.EXCHANGE_PORTS = [443, host.port]
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8", "::1/128"]
    exchange = ExchangeHost(host)
    yield exchange
    signing_in.forget(exchange.address)
    host.close()


def answering(replies: Mapping[str, Reply | list[Reply]]) -> Answers:
    """Of a list one after the other, the last again and again."""

    def answer(operation: str, _request: bytes) -> Reply:
        found = replies.get(operation, Reply(500, fault("ErrorInvalidRequest")))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    return answer


def envelope(body: str, *, build: tuple[int, int, int, int] = (15, 2, 1544, 11), version: str = "V2017_07_11") -> str:
    major, minor, major_build, minor_build = build
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<h:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{major_build}" '
        f'MinorBuildNumber="{minor_build}" Version="{version}" '
        'xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header>'
        '<s:Body xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
        f"{body}</s:Body></s:Envelope>"
    )


def response(operation: str, *messages: str, **more: Any) -> Reply:
    said = "".join(messages)
    return Reply(
        body=envelope(
            f"<m:{operation}Response><m:ResponseMessages>{said}</m:ResponseMessages></m:{operation}Response>", **more
        )
    )


def success(operation: str, content: str) -> str:
    tag = f"m:{operation}ResponseMessage"
    return f'<{tag} ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{content}</{tag}>'


def error(operation: str, code: str, *, more: str = "") -> str:
    tag = f"m:{operation}ResponseMessage"
    return (
        f'<{tag} ResponseClass="Error"><m:MessageText>A text nobody reads.</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{more}</{tag}>"
    )


def fault(code: str, *, values: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<s:Body><s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:{code}'
        '</faultcode><faultstring xml:lang="en-US">A text nobody reads.</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{code}</e:ResponseCode>'
        '<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">A text.</e:Message>'
        f"{values}</detail></s:Fault></s:Body></s:Envelope>"
    )


def back_off(milliseconds: int) -> str:
    return (
        '<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
        f'<t:Value Name="BackOffMilliseconds">{milliseconds}</t:Value></t:MessageXml>'
    )


def folder(folder_id: str = "calendar-of-noor", name: str = "Calendar") -> str:
    return success(
        "GetFolder",
        f'<m:Folders><t:CalendarFolder><t:FolderId Id="{folder_id}" ChangeKey="AQ=="/>'
        f"<t:DisplayName>{name}</t:DisplayName></t:CalendarFolder></m:Folders>",
    )


def resolved(*addresses: str) -> str:
    found = "".join(
        f"<t:Resolution><t:Mailbox><t:Name>Noor</t:Name><t:EmailAddress>{address}</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Resolution>"
        for address in addresses
    )
    return success(
        "ResolveNames",
        f'<m:ResolutionSet TotalItemsInView="{len(addresses)}" IncludesLastItemInRange="true">'
        f"{found}</m:ResolutionSet>",
    )


def found(*ids: str, is_last: bool = True) -> str:
    items = "".join(f'<t:CalendarItem><t:ItemId Id="{one}" ChangeKey="AQ=="/></t:CalendarItem>' for one in ids)
    return success(
        "FindItem",
        f'<m:RootFolder TotalItemsInView="{len(ids)}" IncludesLastItemInRange="{str(is_last).lower()}">'
        f"<t:Items>{items}</t:Items></m:RootFolder>",
    )


def item(item_id: str = "one", content: str = "") -> str:
    usual = (
        "" if "<t:Start>" in content else "<t:Start>2026-11-23T10:00:00Z</t:Start><t:End>2026-11-23T11:00:00Z</t:End>"
    )
    return success(
        "GetItem",
        f'<m:Items><t:CalendarItem><t:ItemId Id="{item_id}" ChangeKey="AQ=="/>'
        f"{content}{usual}</t:CalendarItem></m:Items>",
    )


def synced(changes: str, *, state: str = "state-1", is_last: bool = True) -> str:
    return success(
        "SyncFolderItems",
        f"<m:SyncState>{state}</m:SyncState>"
        f"<m:IncludesLastItemInRange>{str(is_last).lower()}</m:IncludesLastItemInRange><m:Changes>{changes}</m:Changes>",
    )
