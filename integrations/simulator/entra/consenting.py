"""May this person say yes to these permissions on their own?"""

from __future__ import annotations

from collections.abc import Sequence

from integrations.simulator.entra import particulars
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import PERMISSIONS
from integrations.simulator.models import Application, Person, Tenant


def may_consent(person: Person, application: Application, names: Sequence[str]) -> Refused | None:
    """None, or why an administrator is needed: 90094, or 90095 where the person may ask for approval.

    Administrators may always; nobody else may for what only administrators grant. What else people may agree to is
    the organization's setting. To "apps of verified publishers" belong those registered in the organization itself.
    """
    if not names or person.is_admin:
        return None
    for_admins = [name for name in names if PERMISSIONS[name].is_for_admins]
    if not for_admins and _is_left_to_people(person.tenant, application):
        return None
    code = 90095 if person.tenant.has_consent_workflow else 90094
    why = _why(person, application, for_admins)
    return Refused(code, why=why, **particulars.of_application(application), **particulars.of_person(person))


def _is_left_to_people(tenant: Tenant, application: Application) -> bool:
    if tenant.user_consent == Tenant.UserConsent.VERIFIED_PUBLISHERS:
        return application.is_publisher_verified or application.publisher_id == tenant.pk
    return tenant.user_consent == Tenant.UserConsent.ALLOWED


def _why(person: Person, application: Application, for_admins: Sequence[str]) -> str:
    if for_admins:
        return f"{person.name} is no administrator, and only one may consent to {', '.join(for_admins)}."
    if person.tenant.user_consent == Tenant.UserConsent.VERIFIED_PUBLISHERS:
        others = f"People of {person.tenant.name} may consent to applications of verified publishers"
        return f"{others}, and {application.name} has none."
    return f"In {person.tenant.name} only administrators may consent, and {person.name} is none."
