"""People of the directory: `/me`, `/users`, and the end of all their sessions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from integrations.simulator.graph import collecting, errors
from integrations.simulator.graph.asking import Asking, Caller
from integrations.simulator.graph.collecting import Kind
from integrations.simulator.graph.filtering import EQUALITY, TEXT, Collected, Column, Computed
from integrations.simulator.graph.matching import matches
from integrations.simulator.graph.odata import Lambda
from integrations.simulator.graph.replies import Reply
from integrations.simulator.models import Person

# fmt: off
DEFAULT = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)
EMPTY = (
    "ageGroup", "city", "companyName", "country", "department", "employeeId", "faxNumber", "mobilePhone",
    "onPremisesImmutableId", "onPremisesSyncEnabled", "postalCode", "state", "streetAddress", "usageLocation",
)
PROPERTIES = (
    *DEFAULT, "accountEnabled", "assignedLicenses", "creationType", "externalUserState", "imAddresses",
    "mailNickname", "otherMails", "proxyAddresses", "userType",
    *(name for name in EMPTY if name not in DEFAULT),
)
# What User.ReadBasic.All shows of others; the rest is empty then.
BASIC = ("displayName", "givenName", "id", "mail", "surname", "userPrincipalName")
# fmt: on
_WIDER = frozenset(
    {
        "User.Read.All",
        "User.ReadWrite.All",
        "User.ReadWrite.CrossCloud",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
# Microsoft 365 E3.
LICENCE = "05e9a617-0261-4cee-bb44-138d3ef5d965"
_TEXT = TEXT - {"contains"}


def show(asking: Asking) -> dict[str, Any]:
    return collecting.entity(asking, KIND, _visible(asking.caller, asking.person), DEFAULT)


def every(asking: Asking) -> dict[str, Any]:
    return collecting.page(asking, _people(asking), KIND, lambda one: _visible(asking.caller, one), DEFAULT)


def count(asking: Asking) -> Reply:
    asking.check_options(["$filter", "$search"])
    return Reply(str(collecting.count(asking, _people(asking), KIND)), headers={"Content-Type": "text/plain"})


def revoke_sessions(asking: Asking) -> dict[str, Any]:
    """Refresh tokens and browser sessions issued until now are dead (50173); access tokens live to their end."""
    Person.objects.filter(pk=asking.person.pk).update(valid_from=asking.now)
    return {"@odata.context": f"{asking.base}/$metadata#Edm.Boolean", "value": True}


def _people(asking: Asking) -> QuerySet[Person]:
    return Person.objects.filter(tenant=asking.caller.tenant, deleted_at=None)


def _visible(caller: Caller, person: Person) -> dict[str, Any]:
    """All there is, or the basics of others."""
    everything = properties(person)
    is_own = caller.person is not None and caller.person.pk == person.pk
    if is_own or caller.granted & _WIDER:
        return everything
    return {name: value if name in BASIC else _nothing(value) for name, value in everything.items()}


def _nothing(value: object) -> object:
    return [] if isinstance(value, list) else None


def properties(person: Person) -> dict[str, Any]:
    address = person.mail if person.is_licensed or person.is_guest else None
    return {
        **dict.fromkeys(EMPTY),
        "id": str(person.oid),
        "displayName": person.name,
        "givenName": person.given_name,
        "surname": person.surname,
        "userPrincipalName": person.upn,
        "mail": person.mail,
        "mailNickname": _nickname(person),
        "jobTitle": person.job_title,
        "officeLocation": person.office,
        "businessPhones": [person.phone] if person.phone else [],
        "preferredLanguage": "en-GB",
        "accountEnabled": person.is_enabled,
        "userType": "Guest" if person.is_guest else "Member",
        "creationType": "Invitation" if person.is_guest else None,
        "externalUserState": "Accepted" if person.is_guest else None,
        "proxyAddresses": proxy_addresses(person.mail, person.aliases),
        "imAddresses": [address] if address and not person.is_guest else [],
        "otherMails": [person.mail] if person.is_guest and person.mail else [],
        # Whoever has a mailbox on a server of the organization's own is known here because that directory is copied.
        "onPremisesSyncEnabled": True if person.mailbox == Person.Mailbox.ON_PREMISES else None,
        "assignedLicenses": _licences(person),
    }


def proxy_addresses(mail: str | None, aliases: Collection[str]) -> list[str]:
    """The primary one is marked by capitals."""
    return [*([f"SMTP:{mail}"] if mail else []), *(f"smtp:{alias}" for alias in aliases)]


def _nickname(person: Person) -> str:
    return person.upn.partition("@")[0]


def _licences(person: Person) -> list[Mapping[str, Any]]:
    has_one = person.is_licensed and not person.is_guest and person.mailbox != Person.Mailbox.NONE
    return [{"disabledPlans": [], "skuId": LICENCE}] if has_one else []


def _by_type(value: object) -> Q:
    if not isinstance(value, str):
        raise errors.bad_filter()
    kinds = {"guest": Q(is_guest=True), "member": Q(is_guest=False)}
    return kinds.get(value.lower(), Q(pk__in=[]))


def _by_nickname(value: object) -> Q:
    if not isinstance(value, str):
        raise errors.bad_filter()
    return Q(upn__istartswith=f"{value}@")


def _by_address(condition: Lambda) -> Q:
    """The database has no search in lists that works in any case; the people who have addresses are not that many."""
    rows = Person.objects.values_list("pk", "mail", "aliases")
    fitting = [
        pk for pk, mail, aliases in rows if matches(condition, {"proxyAddresses": proxy_addresses(mail, aliases)})
    ]
    return Q(pk__in=fitting)


def _by_other_mail(condition: Lambda) -> Q:
    rows = Person.objects.filter(is_guest=True).values_list("pk", "mail")
    fitting = [pk for pk, mail in rows if matches(condition, {"otherMails": [mail] if mail else []})]
    return Q(pk__in=fitting)


KIND = Kind(
    type_name="user",
    context="users",
    properties=PROPERTIES,
    columns={
        "id": Column("oid", "guid", EQUALITY),
        "displayname": Column("name", operators=_TEXT),
        "givenname": Column("given_name", operators=_TEXT),
        "surname": Column("surname", operators=_TEXT),
        "userprincipalname": Column("upn", operators=_TEXT),
        "mail": Column("mail", operators=_TEXT),
        "mailnickname": Computed(_by_nickname),
        "jobtitle": Column("job_title", operators=_TEXT),
        "officelocation": Column("office", operators=_TEXT),
        "accountenabled": Column("is_enabled", "bool", EQUALITY),
        "usertype": Computed(_by_type),
        "proxyaddresses": Collected(_by_address),
        "othermails": Collected(_by_other_mail),
    },
    orders={"displayname": "name", "userprincipalname": "upn", "mail": "mail", "surname": "surname"},
    searched={
        "displayname": "name",
        "mail": "mail",
        "userprincipalname": "upn",
        "givenname": "given_name",
        "surname": "surname",
    },
)
