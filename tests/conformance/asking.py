"""How the Graph client is asked for more than a URL: its own types, in fewer words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_http.middleware.options import HeadersInspectionHandlerOption
from msgraph import GraphServiceClient
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.event import Event
from msgraph_core.tasks.page_iterator import PageIterator


def asking(builder: Any, *, headers: dict[str, str] | None = None, option: Any = None, **query: Any) -> Any:
    """A request configuration for this builder: `query` by the client's own names, such as `start_date_time`."""
    kind = type(builder)
    configuration = RequestConfiguration()
    if query:
        configuration.query_parameters = getattr(kind, f"{kind.__name__}GetQueryParameters")(**query)
    for name, value in (headers or {}).items():
        configuration.headers.add(name, value)
    if option is not None:
        configuration.options = [option]
    return configuration


def prefer(value: str) -> dict[str, str]:
    return {"Prefer": value}


def listening() -> HeadersInspectionHandlerOption:
    """Given as `option`, it keeps the headers of the answer in `response_headers`."""
    return HeadersInspectionHandlerOption(inspect_response_headers=True)


async def every(client: GraphServiceClient, first: Any) -> list[Any]:
    """What the client's own iterator finds from this page on."""
    found: list[Any] = []

    def keep(one: Any) -> bool:
        found.append(one)
        return True

    await PageIterator(first, client.request_adapter).iterate(keep)
    return found


def moment(at: datetime, zone: str = "UTC") -> DateTimeTimeZone:
    return DateTimeTimeZone(date_time=at.isoformat(), time_zone=zone)


def meeting(subject: str, at: datetime, *, minutes: int = 60, zone: str = "UTC", **more: Any) -> Event:
    return Event(subject=subject, start=moment(at, zone), end=moment(at + timedelta(minutes=minutes), zone), **more)


def window(first: datetime, days: int = 7) -> dict[str, Any]:
    """The two parameters of calendarView, instances and delta."""
    last = first + timedelta(days=days)
    return {"start_date_time": f"{first.isoformat()}Z", "end_date_time": f"{last.isoformat()}Z"}
