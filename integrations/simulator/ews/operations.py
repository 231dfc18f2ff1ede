"""The operations that are simulated, by the names of their elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from integrations.simulator.ews import availability, directory_operations, finding, folder_operations, syncing, writing
from integrations.simulator.ews.mailboxes import Asking

Operation = Callable[[Asking], Element]
_OPERATIONS: Mapping[str, Operation] = {
    "ConvertId": directory_operations.convert_ids,
    "CreateItem": writing.create,
    "DeleteItem": writing.delete,
    "FindFolder": folder_operations.find,
    "FindItem": finding.find,
    "GetFolder": folder_operations.get,
    "GetItem": finding.get,
    # The one whose element has a name of its own.
    "GetUserAvailabilityRequest": availability.show,
    "GetServerTimeZones": directory_operations.time_zones,
    "ResolveNames": directory_operations.resolve_names,
    "SyncFolderHierarchy": syncing.folder_hierarchy,
    "SyncFolderItems": syncing.folder_items,
    "UpdateItem": writing.update,
}


def named(name: str) -> Operation | None:
    return _OPERATIONS.get(name)


def shown(name: str) -> str:
    """For logs, which say nothing that a stranger has made up."""
    return name.removesuffix("Request") if name in _OPERATIONS else "unknown operation"
