"""Contacts of a mailbox: to list and to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.simulator.graph import errors, odata, paging, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.matching import matches
from integrations.simulator.models import Contact

# fmt: off
EMPTY = (
    "assistantName", "birthday", "businessHomePage", "department", "generation", "initials", "manager",
    "middleName", "nickName", "officeLocation", "profession", "spouseName", "title", "yomiCompanyName",
    "yomiGivenName", "yomiSurname",
)
EMPTY_LISTS = ("categories", "children", "homePhones", "imAddresses")
PROPERTIES = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "parentFolderId", "fileAs", "displayName",
    "givenName", "surname", "jobTitle", "companyName", "mobilePhone", "businessPhones", "emailAddresses",
    "homeAddress", "businessAddress", "otherAddress", "personalNotes", *EMPTY_LISTS, *EMPTY,
)
# fmt: on
ORDERS = {
    "displayname": "displayName",
    "givenname": "givenName",
    "surname": "surname",
    "companyname": "companyName",
    "createddatetime": "createdDateTime",
    "lastmodifieddatetime": "lastModifiedDateTime",
    "fileas": "fileAs",
}


def every(asking: Asking) -> dict[str, Any]:
    asking.check_options(["$select", "$filter", "$top", "$skip", "$orderby", "$count"])
    selected = asking.selected(PROPERTIES, "contact")
    page = paging.read(asking)
    found = _narrowed(asking, [_properties(row) for row in Contact.objects.filter(person=asking.person).order_by("pk")])
    answer: dict[str, Any] = {"@odata.context": _context(asking, selected)}
    if asking.flag("$count"):
        answer["@odata.count"] = len(found)
    answer["value"] = [_shown(item, selected) for item in found[page.skip : page.skip + page.size]]
    if len(found) > page.skip + page.size:
        answer["@odata.nextLink"] = page.next_link(asking)
    return answer


def one(asking: Asking, contact_id: str) -> dict[str, Any]:
    asking.check_options(["$select"])
    selected = asking.selected(PROPERTIES, "contact")
    found = Contact.objects.filter(person=asking.person, graph_id=contact_id).first()
    if found is None:
        raise errors.not_in_store().because(f"{asking.person.name} has no contact with this id.")
    return {"@odata.context": f"{_context(asking, selected)}/$entity", **_shown(_properties(found), selected)}


def folders(asking: Asking) -> dict[str, Any]:
    """Those beside the default one, which Graph does not list: there are none."""
    asking.check_options(["$select", "$filter", "$top", "$skip", "$orderby", "$count"])
    return {"@odata.context": f"{asking.base}/$metadata#{asking.owner}/contactFolders", "value": []}


def _narrowed(asking: Asking, items: list[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    if asking.options.get("$filter", "").strip():
        condition = odata.parse(asking.options["$filter"])
        items = [item for item in items if matches(condition, item)]
    for order in reversed(odata.parse_order(asking.options["$orderby"]) if "$orderby" in asking.options else ()):
        name = ORDERS.get(order.path.lower())
        if name is None:
            raise errors.bad_option("$orderby", order.path)
        items = sorted(items, key=lambda item: str(item[name] or "").casefold(), reverse=order.is_descending)
    return items


def _shown(item: dict[str, Any], selected: tuple[str, ...] | None) -> dict[str, Any]:
    """The id and the etag always come along."""
    names = ("id", *(name for name in selected if name != "id")) if selected else tuple(item)
    return {"@odata.etag": f'W/"{item["changeKey"]}"', **{name: item[name] for name in names}}


def _properties(row: Contact) -> dict[str, Any]:
    return {
        **dict.fromkeys(EMPTY),
        **{name: [] for name in EMPTY_LISTS},
        "id": row.graph_id,
        "createdDateTime": times.stamp(row.created_at),
        "lastModifiedDateTime": times.stamp(row.modified_at),
        "changeKey": row.change_key,
        "parentFolderId": f"{row.graph_id[:60]}AAAAAAEOAAA=",
        "fileAs": ", ".join(part for part in (row.surname, row.given_name) if part) or row.display_name,
        "displayName": row.display_name,
        "givenName": row.given_name or None,
        "surname": row.surname or None,
        "jobTitle": row.job_title,
        "companyName": row.company,
        "mobilePhone": row.mobile,
        "businessPhones": row.phones,
        "emailAddresses": [{"name": one["name"], "address": one["address"]} for one in row.addresses],
        "homeAddress": {},
        "businessAddress": {},
        "otherAddress": {},
        "personalNotes": "",
    }


def _context(asking: Asking, selected: tuple[str, ...] | None) -> str:
    chosen = f"({','.join(selected)})" if selected else ""
    return f"{asking.base}/$metadata#{asking.owner}/contacts{chosen}"
