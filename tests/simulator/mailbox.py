"""A mailbox as an application with full access sees it: writing events, reading views, going through delta rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.simulator.client import ALICE, Client

SCOPE = "openid profile offline_access User.Read Calendars.ReadWrite"
Json = dict[str, Any]


@dataclass
class Mailbox:
    client: Client
    token: str
    path: str = "/me"
    """Or `/users/{id}`, and below it one calendar: `/me/calendars/{id}`."""
    first: datetime = datetime(2031, 3, 1, tzinfo=UTC)
    last: datetime = datetime(2031, 3, 29, tzinfo=UTC)
    """The window that is looked at."""

    @staticmethod
    def of(client: Client, name: str = ALICE, scope: str = SCOPE) -> Mailbox:
        return Mailbox(client, client.connect(name, scope)["access_token"])

    def in_new_calendar(self, name: str) -> Mailbox:
        calendar = self.ask("POST", "/me/calendars", {"name": name}).json()
        return Mailbox(self.client, self.token, f"/me/calendars/{calendar['id']}", self.first, self.last)

    @property
    def window(self) -> str:
        return f"startDateTime={self.first:%Y-%m-%dT%H:%M:%SZ}&endDateTime={self.last:%Y-%m-%dT%H:%M:%SZ}"

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """`path` below the version, or a whole link."""
        url = path if path.startswith("https://") else f"{self.client.simulator.graph_url}{path}"
        bearer = {"Authorization": f"Bearer {self.token}"}
        return self.client.http.request(method, url, json=body, headers={**bearer, **headers}, timeout=30)

    def create(self, subject: str, starts: str, ends: str, **more: object) -> Json:
        """Times are UTC, like 2031-03-03T10:00."""
        body = {"subject": subject, "start": at(starts), "end": at(ends), **more}
        answer = self.ask("POST", f"{self.path}/events", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def change(self, event_id: str, **fields: object) -> requests.Response:
        return self.ask("PATCH", f"/me/events/{event_id}", fields)

    def delete(self, event_id: str) -> requests.Response:
        return self.ask("DELETE", f"/me/events/{event_id}")

    def view(self) -> list[Json]:
        answer = self.ask("GET", f"{self.path}/calendarView?{self.window}&$top=1000")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])

    def begin(self, **headers: str) -> requests.Response:
        return self.ask("GET", f"{self.path}/calendarView/delta?{self.window}", **headers)

    def pages(self, link: str = "", **headers: str) -> Iterator[Json]:
        """To the end of the round; without a link from the beginning."""
        page = follow(self.ask("GET", link, **headers) if link else self.begin(**headers))
        yield page
        while "@odata.nextLink" in page:
            page = follow(self.ask("GET", page["@odata.nextLink"], **headers))
            yield page

    def round(self, link: str = "", **headers: str) -> Round:
        done = Round()
        for page in self.pages(link, **headers):
            done.items += page["value"]
            done.link = page.get("@odata.deltaLink", "")
        return done


@dataclass
class Round:
    items: list[Json] = field(default_factory=list)
    link: str = ""

    def of_type(self, kind: str) -> list[Json]:
        return [item for item in self.items if item.get("type") == kind]

    @property
    def removed(self) -> set[str]:
        return {item["id"] for item in self.items if "@removed" in item}

    @property
    def there(self) -> set[str]:
        return {item["id"] for item in self.items if "@removed" not in item}


def follow(answer: requests.Response) -> Json:
    assert answer.status_code == 200, answer.text
    page: Json = answer.json()
    assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page), "one of the two links, never both"
    return page


def at(moment: str, zone: str = "UTC") -> Mapping[str, str]:
    return {"dateTime": f"{moment}:00", "timeZone": zone}


def daily(start: str, times: int, *, every: int = 1) -> Mapping[str, Any]:
    """A recurrence: `start` is a date."""
    return {
        "pattern": {"type": "daily", "interval": every},
        "range": {"type": "numbered", "startDate": start, "numberOfOccurrences": times},
    }


def gone(event_id: str) -> Json:
    return {"@odata.type": "#microsoft.graph.event", "id": event_id, "@removed": {"reason": "deleted"}}
