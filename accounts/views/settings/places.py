"""Whose settings a page shows, at which addresses, and what the place is called in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from accounts import doors
from accounts.cascade import declare
from accounts.cascade.declare import Level, Page, Section, Setting
from accounts.models import Account, Group, User
from accounts.views.tabs import pages_at


@dataclass(frozen=True)
class Place:
    """One level's page: the account's, a group's, a person's as an admin sees it, one's own."""

    scope: Account | Group | User
    level: Level
    # The names of its addresses begin with it; so does the name of its template.
    word: str
    # Who has decided, when it was decided here: “Account”, “Sales”, “Alice”, “you”.
    name: str
    # What decides where this place does not.
    above: str
    # The keys in its addresses.
    keys: tuple[int, ...] = ()

    @property
    def account(self) -> Account:
        return self.scope if isinstance(self.scope, Account) else self.scope.account

    @property
    def template(self) -> str:
        return f"accounts/{self.word}_settings.html"

    def settings_of(self, section: type[Section]) -> list[Setting]:
        """Those that work, and that can be decided here."""
        return [one for one in declare.settings_of(section) if one.offered and self.level in one.levels]

    def shown_of(self, section: type[Section]) -> list[Setting]:
        """Besides, for a person, what the account and groups alone decide: it holds for the person all the same."""
        levels = {self.level, Level.GROUP} if self.level == Level.USER else {self.level}
        return [one for one in declare.settings_of(section) if one.offered and levels & set(one.levels)]

    def sections(self, page: Page | None = None) -> list[type[Section]]:
        return [section for section in declare.sections(page) if self.settings_of(section)]

    def pages(self) -> list[Page]:
        return pages_at(self.level)

    def address(self, page: Page, **query: str) -> str:
        bare = reverse(f"{self.word}_settings_page", args=[*self.keys, page.slug])
        return f"{bare}?{urlencode(query)}" if query else bare

    def address_of(self, section: type[Section], setting: Setting) -> str:
        """Where the row's forms are sent."""
        return reverse(f"{self.word}_setting", args=[*self.keys, section.page.slug, setting.key])

    def row(self, section: type[Section], setting: Setting) -> str:
        """Where the row is to be seen, whatever was searched for or filtered before."""
        return f"{self.address(section.page)}#setting-{setting.name}"


def of_account(reader: User) -> Place:
    """For those who came through `doors.account_admin`."""
    return Place(reader.account, Level.ACCOUNT, "account", "Account", "Meridian")


def of_group(reader: User, pk: int) -> Place:
    group = doors.group_or_404(reader, pk)
    return Place(group, Level.GROUP, "group", group.name, "Account", (group.pk,))


def of_person(reader: User, pk: int) -> Place:
    """Whoever opens himself is at his own place, which everybody may change."""
    person = doors.person_or_404(reader, pk)
    if person == reader:
        return own(reader)
    return Place(person, Level.USER, "person", str(person), "Account or a group", (person.pk,))


def own(reader: User) -> Place:
    return Place(reader, Level.USER, "own", "you", "Account or a group")
