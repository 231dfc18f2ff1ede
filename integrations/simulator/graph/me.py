"""GET /me"""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph.asking import Asking
from integrations.simulator.models import Person

# fmt: off
DEFAULT = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName", "id",
)
# fmt: on


def show(asking: Asking) -> dict[str, Any]:
    asking.check_options(["$select"])
    everything = _properties(asking.person)
    selected = asking.selected(everything, "user")
    context = f"{asking.base}/$metadata#users"
    if selected is None:
        return {
            "@odata.context": f"{context}/$entity",
            **{name: everything[name] for name in DEFAULT},
        }
    return {
        "@odata.context": f"{context}({','.join(selected)})/$entity",
        **{name: everything[name] for name in selected},
    }


def _properties(person: Person) -> dict[str, Any]:
    return {
        "id": str(person.oid),
        "displayName": person.name,
        "givenName": person.given_name,
        "surname": person.surname,
        "userPrincipalName": person.upn,
        "mail": person.mail,
        "jobTitle": person.job_title,
        "officeLocation": person.office,
        "businessPhones": [person.phone] if person.phone else [],
        "mobilePhone": None,
        "preferredLanguage": "en-GB",
        "accountEnabled": person.is_enabled,
        "userType": "Guest" if person.is_guest else "Member",
    }
