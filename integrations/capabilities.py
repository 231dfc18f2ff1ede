"""What a way to connect can do, asked before it is offered or used. Pure.

A way is service, API and method. Graph lets people limit what they give, and writes; by EWS the whole mailbox is
opened, and Meridian reads calendars there and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from integrations.exchange.retirement import FULL_MAILBOX
from integrations.preferences import Api, Method, Service


@dataclass(frozen=True)
class Capabilities:
    # *Bidirectional sync*: meetings are written into the calendar, and what is changed there comes back.
    two_way_sync: bool
    # Whether less than the whole mailbox can be given.
    limits_permissions: bool
    contacts: bool
    # Whether Microsoft tells Meridian of changes; else it has to look.
    notifies: bool
    # Whether the person signs in at Microsoft, and so can be sent there again.
    signs_in_at_microsoft: bool
    # Whether Exchange Online ends it: see `exchange.retirement`.
    is_retired: bool
    # What the pages say of it; of Graph nothing has to be said.
    access: str = ""
    cannot: tuple[str, ...] = ()


NO_TWO_WAY_SYNC = "Bidirectional sync needs Graph: by EWS, calendars are read only."
NO_CONTACTS = "Contacts are not read by EWS."


def capabilities_of(service: Service, api: Api, method: Method) -> Capabilities:
    is_graph = api is Api.GRAPH
    return Capabilities(
        two_way_sync=is_graph,
        limits_permissions=is_graph,
        contacts=is_graph,
        notifies=is_graph,
        signs_in_at_microsoft=service is Service.OFFICE_365 and method is Method.OAUTH,
        is_retired=service is Service.OFFICE_365 and not is_graph,
        access="" if is_graph else FULL_MAILBOX,
        cannot=() if is_graph else (NO_TWO_WAY_SYNC, NO_CONTACTS),
    )
