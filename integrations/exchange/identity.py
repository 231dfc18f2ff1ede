"""Who a mailbox on an organization's own server is: made of the server and of the mailbox's address there.

Microsoft gives each organization and each person an id that never changes; a server of one's own gives none that
could be told from outside. So a mailbox there is connected once, and trouble of a server is one incident, by the very
columns that hold Microsoft's ids.
"""

from __future__ import annotations

import uuid

from integrations.ews_addresses import origin_of

_MADE_OF_A_NAME = 5


def server_id(server_address: str) -> str:
    """Stands where a tenant's id stands. `server_address`: canonical."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, origin_of(server_address).lower()))


def is_microsofts(tenant_id: str) -> bool:
    """Not of `server_id`: Microsoft's ids are random (UUIDv4), ours are made of a name (UUIDv5)."""
    try:
        return uuid.UUID(tenant_id).version != _MADE_OF_A_NAME
    except ValueError:
        return True


def mailbox_id(server_address: str, address: str) -> str:
    """Stands where a person's object id stands. `address`: the primary one."""
    return str(uuid.uuid5(uuid.UUID(server_id(server_address)), address.strip().lower()))
