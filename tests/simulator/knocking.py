"""One small request to Exchange Web Services, in SOAP's own words: opens a calendar, or is told why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import requests

from tests.simulated import PASSWORD, Simulator

INGRID, HUGO = "ingrid@kestrel.example", "hugo@kestrel.example"
SERVICE = "svc-calendar@kestrel.example"
SCOPE = "openid offline_access https://outlook.office365.com/EWS.AccessAsUser.All"
ROLE = "https://outlook.office365.com/full_access_as_app"
REASON = "X-EWS-Policy-Reason"
DISABLED = "EWS is disabled for this user or tenant"
BLOCKED = "EWS is blocked by policy for this user or tenant"
ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
    xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
  <s:Header><t:RequestServerVersion Version="Exchange2016"/>{acting}</s:Header>
  <s:Body><m:GetFolder>
    <m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
    <m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds>
  </m:GetFolder></s:Body>
</s:Envelope>"""
ACTING = (
    "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{name}</t:PrimarySmtpAddress></t:ConnectingSID>"
    "</t:ExchangeImpersonation>"
)


@dataclass(frozen=True)
class Door:
    simulator: Simulator

    def by_password(
        self, name: str, password: str = PASSWORD, *, acting_for: str = "", url: str = ""
    ) -> requests.Response:
        credentials = (name.encode(), password.encode())
        return self._post(url or self.simulator.exchange_url, acting_for, auth=credentials)

    def by_token(self, token: str, *, acting_for: str = "", url: str = "") -> requests.Response:
        return self._post(
            url or self.simulator.ews_url, acting_for, headers={"Authorization": f"Bearer {token}"} if token else {}
        )

    def _post(self, url: str, acting_for: str, *, headers: Any = None, auth: Any = None) -> requests.Response:
        content = ENVELOPE.format(acting=ACTING.format(name=acting_for) if acting_for else "")
        every = {"Content-Type": "text/xml; charset=utf-8", **(headers or {})}
        return self.simulator.http().post(url, data=content.encode(), headers=every, auth=auth, timeout=30)


def code_of(answer: requests.Response) -> str:
    """`NoError`, or what is wrong."""
    found = re.search(r"<\w+:ResponseCode[^>]*>(\w+)<", answer.text)
    return found[1] if found else ""
