"""What the ground floor asks of the floors above without knowing them.

Each opening is a Protocol here and a list that the upper floor fills in `AppConfig.ready()`. Empty, every
page still works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.cascade.declare import Section
from accounts.cascade.facts import Facts
from accounts.models import Account, PendingChange, User

if TYPE_CHECKING:
    from accounts.reviewing import Review


@dataclass(frozen=True)
class Panel:
    """A piece of a page: its template, and what the template needs under the name `panel`."""

    template: str
    context: Mapping[str, Any]
    # Of a gate: nothing has to happen any more, the panel only says what there is to know beside the button.
    is_open: bool = False


class PersonPanel(Protocol):
    """A section on a person's own profile page, or on the page about a person for admins."""

    def __call__(self, request: HttpRequest, person: User) -> Panel: ...


class RowPanel(Protocol):
    """Asked by the page of the account's settings about one row: what it means today, in a sentence."""

    def __call__(self, account: Account) -> str: ...


@dataclass(frozen=True)
class Caution:
    """What has to be known of a value that holds: it does not work yet, or not for much longer; and what helps."""

    title: str
    text: str
    href: str = ""
    link: str = ""


class RowCaution(Protocol):
    """Asked by every page of settings about the value of one row. Answers with one query at most; none for a value
    that there is nothing to say about."""

    def __call__(self, account: Account, value: Any, *, reader: User, today: date) -> Caution | None: ...


@dataclass(frozen=True)
class Effect:
    """Something of one person that a change of the settings ends or brings back."""

    person: int
    # What it is, and why: “alice@kestrel.example”, “Contacts: write”.
    what: str
    because: str


@dataclass(frozen=True)
class Prospect:
    """What a change does to people besides ending something and bringing it back; in the words of whoever knows."""

    effects: tuple[Effect, ...] = ()
    # Of the count, singular and plural: “Person to be looked up”; and of the filter: “To be looked up”.
    counted: tuple[str, str] = ("", "")
    label: str = ""
    # After a number, singular and plural: “person is about to be looked up.”; and what follows from it.
    says: tuple[str, str] = ("", "")
    note: str = ""


NOBODY = Prospect()


@dataclass(frozen=True)
class Outcome:
    ends: tuple[Effect, ...] = ()
    returns: tuple[Effect, ...] = ()
    # How many more there are of these people, which go on as before.
    stays: int = 0
    # What becomes of those that end, in a sentence or two; empty where none ends.
    note: str = ""
    # The key of the setting that the note speaks of, if there is one.
    governed_by: str = ""
    # What may come to be without a step of theirs, as far as one can tell before it is tried.
    begins: Prospect = NOBODY
    # What goes on, and is carried in another way.
    moves: Prospect = NOBODY
    # What goes on for now, while the person is asked for a step.
    asks: Prospect = NOBODY


class Consequences(Protocol):
    """Asked before a change of the settings is made: what would end, what would come back?

    Of `people` (None: everybody of the account). Answers with as many queries for many as for few, one if it can, and
    changes nothing. Without any of `sections` among the changed settings it is not asked.
    """

    sections: tuple[type[Section], ...]
    # What is counted, singular and plural: “connection”, “connections”.
    things: tuple[str, str]
    # What the change does to those that end, and what they are then: “block”, “blocked”.
    verb: tuple[str, str]

    def __call__(self, account: Account, *, people: QuerySet[User] | None, before: Facts, after: Facts) -> Outcome: ...


class Leaving(Protocol):
    """What must end when a person is deactivated. Called inside the transaction, so it may only write."""

    def __call__(self, person: User, *, actor: User | None, now: datetime) -> None: ...


class Arriving(Protocol):
    """Called after the transaction in which a person of the account joined, or was let back in: a nudge."""

    def __call__(self, *, account: Account) -> None: ...


@dataclass(frozen=True)
class Banner:
    """What a person must act on or know, on every page until it is over: one sentence, and one way to what helps."""

    kind: str  # "warn" or "bad"
    says: str
    href: str
    link: str
    # Names of addresses whose pages say it themselves.
    not_on: frozenset[str] = frozenset()


class PersonBanner(Protocol):
    """Asked once for each page about whoever looks at it. Answers with one query at most."""

    def __call__(self, person: User) -> Banner | None: ...


class Gate(Protocol):
    """Asked about a change that is being reviewed: must something happen elsewhere before it can be done?

    While it answers with a panel, that stands on the sheet in the place of the button; inside the sheet's own form, so
    that its buttons send along what was typed and shown. Answers with a few queries, and asks nobody else.
    """

    def __call__(self, pending: PendingChange, review: Review) -> Panel | None: ...


@dataclass(frozen=True)
class NavigationItem:
    label: str
    url_name: str
    icon: str
    order: int


class DomainConsequence(Protocol):
    """What hangs on the account's having verified this domain, in a sentence with its number; empty where nothing
    does. Answers with one query at most."""

    def __call__(self, account: Account, domain: str) -> str: ...


class DomainsChanged(Protocol):
    """Called after the transaction in which an account gained or lost a verified domain: a nudge."""

    def __call__(self, *, account: Account) -> None: ...


@dataclass(frozen=True)
class SignedInBy:
    """What the identity provider has shown of somebody who just signed in by it."""

    # `accounts.models.Protocol`.
    protocol: str
    provider: int
    issuer: str
    subject: str
    # The address by which the provider knows the person.
    email: str
    # The Entra tenant that vouched for the person, in lower case: of OpenID Connect the `tid` of the token, of SAML
    # the one in the issuer; "" where it is not Entra, or unknown.
    tenant: str = ""


class AfterSingleSignOn(Protocol):
    """Asked after somebody has signed in by single sign-on, and only then: shall something come before the page they
    were going to? Answers with the address of that page, which leads on to `going_to` by itself; None: nothing shall.
    A few queries; asks nobody else. Whatever goes wrong in it must not keep anybody out."""

    def __call__(
        self, request: HttpRequest, person: User, *, by: SignedInBy, going_to: str, now: datetime
    ) -> str | None: ...


person_panels: list[PersonPanel] = []
# For admins: at the bottom of somebody else's page.
person_admin_panels: list[PersonPanel] = []
consequences: list[Consequences] = []
# At the head of every page of the portal.
banners: list[PersonBanner] = []
gates: list[Gate] = []
# By the key of the setting.
row_panels: dict[str, RowPanel] = {}
row_cautions: dict[str, RowCaution] = {}
on_leaving: list[Leaving] = []
on_arriving: list[Arriving] = []
# The *Personal* part of the left navigation, and *Account Management* of its *Admin* part.
navigation: list[NavigationItem] = []
account_navigation: list[NavigationItem] = []
domain_consequences: list[DomainConsequence] = []
domains_changed: list[DomainsChanged] = []
after_single_sign_on: list[AfterSingleSignOn] = []
