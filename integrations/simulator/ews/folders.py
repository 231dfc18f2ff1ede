"""The folders of a mailbox: the calendars are Graph's; around them the few that every mailbox has."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from integrations.simulator.ews import ids, refusals
from integrations.simulator.ews.elements import el
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.models import Calendar, Event, Person


@dataclass(frozen=True)
class Kind:
    shown: str
    parent: str
    tag: str = "t:Folder"
    folder_class: str = "IPF.Note"


CALENDAR = "calendar"
ROOT = "root"
TOP = "msgfolderroot"
# By their distinguished names. The root is its own parent's place: it has none.
KINDS = {
    ROOT: Kind("Root", "", folder_class=""),
    TOP: Kind("Top of Information Store", ROOT, folder_class=""),
    CALENDAR: Kind("Calendar", TOP, "t:CalendarFolder", "IPF.Appointment"),
    "contacts": Kind("Contacts", TOP, "t:ContactsFolder", "IPF.Contact"),
    "deleteditems": Kind("Deleted Items", TOP),
    "drafts": Kind("Drafts", TOP),
    "inbox": Kind("Inbox", TOP),
    "junkemail": Kind("Junk Email", TOP),
    "outbox": Kind("Outbox", TOP),
    "sentitems": Kind("Sent Items", TOP),
    "tasks": Kind("Tasks", TOP, "t:TasksFolder", "IPF.Task"),
}
# Exchange has these in other mailboxes, or on other servers.
_ABSENT = frozenset({
    "adminauditlogs", "allcategorizeditems", "allcontacts", "allitems", "allpersonmetadata", "archivedeleteditems",
    "archiveinbox", "archivemsgfolderroot", "archiverecoverableitemsdeletions", "archiverecoverableitemspurges",
    "archiverecoverableitemsroot", "archiverecoverableitemsversions", "archiveroot", "companycontacts", "conflicts",
    "conversationhistory", "directory", "dlppolicyevaluation", "favorites", "fromfavoritesenders", "imcontactlist",
    "inference", "inferenceclassifier", "journal", "localfailures", "mecontact", "mycontacts", "notes",
    "onenotepagepreviews", "outlookdata", "peoplecentricconversationbuddies", "peopleconnect", "personmetadata",
    "publicfoldersroot", "qedcdefaultretention", "qedclongretention", "qedcmediumretention", "qedcshortretention",
    "quarantinedemail", "quarantinedemaildefaultcategory", "quickcontacts", "recipientcache",
    "recoverableitemsdeletions", "recoverableitemspurges", "recoverableitemsroot", "recoverableitemssubstrateholds",
    "recoverableitemsversions", "relevantcontacts", "searchfolders", "serverfailures", "sharedfolders",
    "sharepointnotifications", "shortnotes", "syncissues", "teamspaceactivity", "teamspacemessaging",
    "teamspaceworkitems", "temporarysaves", "todosearch", "usercuratedcontacts", "voicemail", "workingset",
})  # fmt: skip


@dataclass(frozen=True)
class Folder:
    person: Person
    name: str
    """Its distinguished name; empty for a further calendar."""
    calendar: Calendar | None = None

    @property
    def kind(self) -> Kind:
        return KINDS[self.name or CALENDAR]

    @property
    def id(self) -> str:
        return ids.exchange(self.calendar.graph_id) if self.calendar else ids.of_folder(self.person, self.name)

    @property
    def parent(self) -> Folder | None:
        """Further calendars are below the first, as Outlook puts them."""
        above = self.kind.parent if self.name else CALENDAR
        return named(self.person, above) if above else None

    @property
    def change_key(self) -> str:
        return self.calendar.change_key if self.calendar else base64.b64encode(self.person.oid.bytes[:8]).decode()

    @property
    def shown(self) -> str:
        return self.calendar.name if self.calendar else self.kind.shown

    @property
    def count(self) -> int:
        """Series count once, as they are one item."""
        if self.calendar is None:
            return 0
        return self.calendar.events.exclude(kind=Event.Kind.EXCEPTION).count()

    def children(self) -> list[Folder]:
        below = [name for name, kind in KINDS.items() if kind.parent and kind.parent == self.name]
        found = [named(self.person, name) for name in below]
        if self.name == CALENDAR:
            further = self.person.calendars.filter(is_default=False).order_by("pk")
            found += [Folder(self.person, "", calendar) for calendar in further]
        return found

    def descendants(self) -> Iterator[Folder]:
        for child in self.children():
            yield child
            yield from child.descendants()


def named(person: Person, name: str) -> Folder:
    if name != CALENDAR:
        return Folder(person, name)
    calendar = person.calendars.filter(is_default=True).first()
    if calendar is None:
        raise refusals.no_folder()
    return Folder(person, CALENDAR, calendar)


def find(asking: Asking, given: Node) -> Folder:
    """The folder that a `FolderId` or a `DistinguishedFolderId` names."""
    wanted = given.attributes.get("Id", "")
    if given.name == "DistinguishedFolderId":
        if wanted not in KINDS and wanted not in _ABSENT:
            raise refusals.schema(f"The 'Id' attribute is invalid - The value '{wanted[:40]}' is invalid.")
        person = asking.of(given.value("Mailbox", "EmailAddress"), wanted)
        if wanted in _ABSENT:
            raise refusals.no_folder().because(f"No mailbox here has {wanted}.")
        return named(person, wanted)
    if given.name != "FolderId":
        raise refusals.schema(f"The element '{given.name[:40]}' is not expected.")
    return _by_id(asking, wanted)


def element(folder: Folder, *, only_id: bool) -> Element:
    own = el("t:FolderId", Id=folder.id, ChangeKey=folder.change_key)
    if only_id:
        return el(folder.kind.tag, own)
    above = folder.parent
    parent = above.id if above else ids.of_folder(folder.person, "beyond")
    return el(
        folder.kind.tag,
        own,
        el("t:ParentFolderId", Id=parent, ChangeKey=above.change_key if above else "AQAAAA=="),
        el("t:FolderClass", folder.kind.folder_class) if folder.kind.folder_class else None,
        el("t:DisplayName", folder.shown),
        el("t:TotalCount", folder.count),
        el("t:ChildFolderCount", len(folder.children())),
        rights(),
        el("t:DistinguishedFolderId", folder.name) if folder.name else None,
        *([] if folder.kind.tag != "t:Folder" else [el("t:UnreadCount", 0)]),
    )


def ids_in(operation: Node, container: str) -> list[Node]:
    found = operation.find(container)
    if found is None or not found.children:
        raise refusals.schema(f"The element '{container}' is incomplete.")
    return found.children


def rights() -> Element:
    names = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems")
    return el("t:EffectiveRights", None, *(el(f"t:{name}", True) for name in names))


def _by_id(asking: Asking, wanted: str) -> Folder:
    person = asking.mailbox
    kept = ids.folder(wanted)
    if kept:
        oid, name = kept
        if oid != person.oid or name not in KINDS:
            raise refusals.no_folder().because("The folder is of another mailbox.")
        return named(person, name)
    graph_id = ids.graph(wanted)
    if graph_id is None:
        raise refusals.malformed_id()
    calendar = person.calendars.filter(graph_id=graph_id).first()
    if calendar is None:
        raise refusals.no_folder()
    return Folder(person, CALENDAR if calendar.is_default else "", calendar)
