"""Exchange Web Services in their own words, without any client library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import requests

from tests.simulator.client import ALICE, Client

SCOPE = "openid offline_access https://outlook.office365.com/EWS.AccessAsUser.All"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    f'xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"><s:Header>{{header}}</s:Header><s:Body>{{body}}</s:Body></s:Envelope>'
)
VERSION = '<t:RequestServerVersion Version="Exchange2016"/>'
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
GET_CALENDAR = (
    "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>"
    f"<m:FolderIds>{CALENDAR}</m:FolderIds></m:GetFolder>"
)


@dataclass
class Exchange:
    client: Client
    token: str

    @staticmethod
    def of(client: Client, name: str = ALICE) -> Exchange:
        return Exchange(client, client.connect(name, SCOPE)["access_token"])

    def post(self, content: str | bytes, **headers: str) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/xml; charset=utf-8", **headers}
        data = content.encode() if isinstance(content, str) else content
        return self.client.http.post(self.client.simulator.ews_url, data=data, headers=sent, timeout=30)

    def call(self, body: str, header: str = VERSION) -> Answer:
        return Answer(self.post(envelope(body, header)))


@dataclass
class Answer:
    response: requests.Response

    @property
    def codes(self) -> list[str]:
        """Of the messages, or of the fault that answers them all."""
        return [one.text or "" for one in self.all("ResponseCode")]

    @property
    def xml(self) -> Element:
        return ElementTree.fromstring(self.response.content)  # noqa: S314

    def all(self, name: str) -> list[Element]:
        return [one for one in self.xml.iter() if re.sub(r"\{.*\}", "", one.tag) == name]

    def one(self, name: str) -> Element:
        (found,) = self.all(name)
        return found

    def texts(self, name: str) -> list[str]:
        return [one.text or "" for one in self.all(name)]


def envelope(body: str, header: str = VERSION) -> str:
    return _ENVELOPE.format(header=header, body=body)


def impersonating(kind: str, value: str) -> str:
    sid = f"<t:ConnectingSID><t:{kind}>{value}</t:{kind}></t:ConnectingSID>"
    return f"{VERSION}<t:ExchangeImpersonation>{sid}</t:ExchangeImpersonation>"


def shape(base: str = "IdOnly", *fields: str, body: str = "") -> str:
    paths = "".join(field if field.startswith("<") else f'<t:FieldURI FieldURI="{field}"/>' for field in fields)
    more = f"<t:AdditionalProperties>{paths}</t:AdditionalProperties>" if paths else ""
    kind = f"<t:BodyType>{body}</t:BodyType>" if body else ""
    return f"<m:ItemShape><t:BaseShape>{base}</t:BaseShape>{kind}{more}</m:ItemShape>"


def find(view: str, *fields: str, folder: str = CALENDAR, more: str = "") -> str:
    inner = f"{shape('IdOnly', *fields)}{view}{more}<m:ParentFolderIds>{folder}</m:ParentFolderIds>"
    return f'<m:FindItem Traversal="Shallow">{inner}</m:FindItem>'


def view(first: str, last: str, most: int = 0) -> str:
    limit = f' MaxEntriesReturned="{most}"' if most else ""
    return f'<m:CalendarView StartDate="{first}" EndDate="{last}"{limit}/>'


def get(item_id: str, *fields: str, base: str = "IdOnly", body: str = "") -> str:
    ids = f'<m:ItemIds><t:ItemId Id="{item_id}"/></m:ItemIds>'
    return f"<m:GetItem>{shape(base, *fields, body=body)}{ids}</m:GetItem>"


def create(fields: str, folder: str = CALENDAR, sending: str = "SendToNone") -> str:
    """`fields` in the order of the schema."""
    items = f"<m:Items><t:CalendarItem>{fields}</t:CalendarItem></m:Items>"
    return (
        f'<m:CreateItem SendMeetingInvitations="{sending}">'
        f"<m:SavedItemFolderId>{folder}</m:SavedItemFolderId>{items}</m:CreateItem>"
    )


def times(first: str, last: str, zone: str = "UTC") -> str:
    zones = f'<t:StartTimeZone Id="{zone}"/><t:EndTimeZone Id="{zone}"/>'
    return f"<t:Start>{first}</t:Start><t:End>{last}</t:End>{zones}"


def update(item: str, updates: str, resolution: str = "AutoResolve") -> str:
    """`item` is an `ItemId` and the like; `updates` are `SetItemField`s and the like."""
    change = f"<t:ItemChange>{item}<t:Updates>{updates}</t:Updates></t:ItemChange>"
    return (
        f'<m:UpdateItem ConflictResolution="{resolution}" SendMeetingInvitationsOrCancellations="SendToNone">'
        f"<m:ItemChanges>{change}</m:ItemChanges></m:UpdateItem>"
    )


def setting(field: str, value: str) -> str:
    item = f"<t:CalendarItem>{value}</t:CalendarItem>"
    return f'<t:SetItemField><t:FieldURI FieldURI="{field}"/>{item}</t:SetItemField>'
