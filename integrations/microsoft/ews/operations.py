"""The operations that are needed, on exchangelib's: answers are given as XML, which `events` reads.

exchangelib's own items would do, but for all-day events (it reads their days on this machine's clock), for unknown
time zones (it warns, and forgets them) and for what stands in no calendar item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from exchangelib import EWSDateTime
from exchangelib.errors import ErrorExceededFindCountLimit, ResponseMessageError
from exchangelib.fields import FieldPath
from exchangelib.folders import Folder
from exchangelib.items import ID_ONLY, SHALLOW, CalendarItem
from exchangelib.properties import ENTRY_ID, EWS_ID, AlternateId, DistinguishedFolderId, ItemId
from exchangelib.properties import CalendarView as View
from exchangelib.properties import Mailbox as NamedMailbox
from exchangelib.services import ConvertId, FindItem, GetFolder, GetItem, ResolveNames, SyncFolderItems
from exchangelib.services.common import EWSAccountService
from exchangelib.util import TNS, create_element, set_xml_value

from integrations.contracts import RemoteCalendar
from integrations.microsoft.ews.client import Mailbox

CALENDAR = "calendar"
AT_ONCE = 100  # items of one GetItem
MOST_CHANGES = 512  # the greatest that Exchange takes

_FIELDS = (
    "subject", "start", "end", "is_all_day", "organizer", "location", "body", "required_attendees",
    "optional_attendees", "resources", "is_cancelled", "sensitivity", "legacy_free_busy_status", "type",
    "_start_timezone", "_end_timezone",
)  # fmt: skip


def calendar(mailbox: Mailbox, *addresses: str) -> list[Any]:
    """The default calendars of these mailboxes ("": that of whoever asks), in order: each `Folder` as XML, or the
    error instead."""
    folders = [_folder(address) for address in addresses]
    name = [FieldPath(field=Folder.get_field_by_fieldname("name"))]
    return list(_GetFolder(account=mailbox).call(folders=folders, additional_fields=name, shape=ID_ONLY))


def named(folder: Any) -> RemoteCalendar:
    """A folder of `calendar`, read. Raises the error that stands there instead."""
    found = _sound(folder)
    place = found.find(f"{{{TNS}}}FolderId")
    if place is None:
        raise ValueError("a folder without an id")
    return RemoteCalendar(str(place.get("Id", "")), found.findtext(f"{{{TNS}}}DisplayName") or "")


def find(mailbox: Mailbox, start: datetime, end: datetime) -> list[ItemId]:
    """What touches that time, series expanded."""
    view = View(start=EWSDateTime.from_datetime(start), end=EWSDateTime.from_datetime(end))
    found = _FindItem(account=mailbox).call(
        folders=[_folder(mailbox.door.mailbox)],
        additional_fields=None,
        restriction=None,
        order_fields=None,
        shape=ID_ONLY,
        query_string=None,
        depth=SHALLOW,
        calendar_view=view,
        max_items=None,
        offset=0,
    )
    return [ItemId(*_sound(one)) for one in found]


def items(mailbox: Mailbox, ids: Iterable[ItemId]) -> Iterator[Any]:
    """Calendar items as XML; what is gone by now, or damaged there, is left out."""
    fields = [CalendarItem.get_field_by_fieldname(name) for name in _FIELDS]
    known = [FieldPath(field=one) for one in fields if one.supports_version(mailbox.version)]
    for one in _GetItem(account=mailbox, chunk_size=AT_ONCE).call(items=ids, additional_fields=known, shape=ID_ONLY):
        if not isinstance(one, Exception) and one.tag == CalendarItem.response_tag():
            yield one


def changes(mailbox: Mailbox, state: str) -> tuple[list[tuple[str, Any]], str, bool]:
    """(kind, id) of each, the next state, and whether nothing more waits."""
    asked = _SyncFolderItems(account=mailbox)
    found = asked.call(
        folder=_folder(mailbox.door.mailbox),
        shape=ID_ONLY,
        additional_fields=None,
        sync_state=state or None,
        ignore=None,
        max_changes_returned=MOST_CHANGES,
        sync_scope=None,
    )
    return list(found), asked.sync_state or "", bool(asked.includes_last_item_in_range)


def resolve(mailbox: Mailbox, name: str) -> list[str]:
    """The primary addresses of whoever the directory knows by that address; the mailbox's own contacts, which
    anybody fills in as they like, are not looked at."""
    found = _ResolveNames(account=mailbox).call(unresolved_entries=[f"smtp:{name}"], search_scope="ActiveDirectory")
    return [str(one.email_address) for one in found if not isinstance(one, Exception) and one and one.email_address]


def greet(mailbox: Mailbox) -> None:
    """The least that can be asked: no mailbox is opened for it."""
    dummy = AlternateId(id="DUMMY", format=EWS_ID, mailbox="DUMMY")
    list(_ConvertId(account=mailbox).call(items=[dummy], destination_format=ENTRY_ID))


class _OwnFolder(DistinguishedFolderId):  # type: ignore[misc]  # without types
    """Of whoever asks. exchangelib wants the mailbox named, which would be somebody's address and not their own."""

    def clean(self, version: Any = None) -> None:
        super(DistinguishedFolderId, self).clean(version=version)


def _folder(address: str) -> DistinguishedFolderId:
    if not address:
        return _OwnFolder(id=CALENDAR)
    return DistinguishedFolderId(id=CALENDAR, mailbox=NamedMailbox(email_address=address))


def _sound(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


class _Asked(EWSAccountService):  # type: ignore[misc]  # without types
    """As whoever the door says, where it says."""

    def _extra_headers(self) -> dict[str, str]:
        about = self.account.door.about
        return {"X-AnchorMailbox": about} if about and about.isascii() else {}

    def _update_api_version(self, api_version: str, header: Any) -> None:
        with suppress(ValueError):  # a build that exchangelib does not know says nothing of what may be asked
            super()._update_api_version(api_version, header)


class _Raw(_Asked):
    def _elem_to_obj(self, elem: Any) -> Any:
        return elem


class _GetFolder(_Asked, GetFolder):  # type: ignore[misc]  # without types
    # Each is told of its own folder.
    ERRORS_TO_CATCH_IN_RESPONSE = ResponseMessageError

    def _elems_to_objs(self, elems: Iterable[Any]) -> Iterator[Any]:
        yield from elems


class _FindItem(_Asked, FindItem):  # type: ignore[misc]  # without types
    @staticmethod
    def _get_paging_values(elem: Any) -> tuple[int, None]:
        """A calendar view has no pages: what a server leaves out of one is only found in a shorter time. exchangelib
        would ask for the next page, and get the same one for ever."""
        items = elem.find(f"{{{TNS}}}Items")
        is_cut = elem.get("IncludesLastItemInRange", "true").lower() in ("false", "0")
        if is_cut:
            raise ErrorExceededFindCountLimit("")
        return (0 if items is None else len(items)), None


class _GetItem(_Raw, GetItem):  # type: ignore[misc]  # without types
    def get_payload(self, items: Any, additional_fields: Any, shape: str) -> Any:
        payload = super().get_payload(items=items, additional_fields=additional_fields, shape=shape)
        # Text, as Graph is asked for it: Exchange writes out the links.
        payload[0].insert(1, set_xml_value(create_element("t:BodyType"), "Text"))
        return payload


class _SyncFolderItems(_Asked, SyncFolderItems):  # type: ignore[misc]  # without types
    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        if message.get("ResponseClass") == "Error":  # which need not have a state
            return EWSAccountService._get_element_container(self, message=message, name=name)
        return super()._get_element_container(message=message, name=name)

    def _elem_to_obj(self, elem: Any) -> tuple[str, Any]:
        found = next(elem.iter(ItemId.response_tag()), None)
        if found is None:
            raise ValueError("a change of nothing")
        return self.change_types_map[elem.tag], ItemId.from_xml(elem=found, account=None)


class _ResolveNames(_Asked, ResolveNames):  # type: ignore[misc]  # without types
    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        return EWSAccountService._get_element_container(self, message=message, name=name)


class _ConvertId(_Asked, ConvertId):  # type: ignore[misc]  # without types
    pass
