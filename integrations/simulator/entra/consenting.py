"""May this person say yes to these permissions on their own?"""

from __future__ import annotations

from collections.abc import Sequence

from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import PERMISSIONS
from integrations.simulator.models import Application, Person, Tenant


def may_consent(person: Person, application: Application, names: Sequence[str]) -> Refused | None:
    """None, or why an administrator is needed: 90094, or 90095 where the person may ask for approval.

    Administrators may always; nobody else may for what only administrators grant. What else people may agree to is
    the organisation's setting. To "apps of verified publishers" belong those registered in the organisation itself.
    """
    if not names or person.is_admin:
        return None
    is_for_admins = any(PERMISSIONS[name].is_for_admins for name in names)
    if not is_for_admins and _is_left_to_people(person.tenant, application):
        return None
    if person.tenant.has_consent_workflow:
        return Refused(90095)
    return Refused(90094, tenant=person.tenant.name, app=application.name)


def _is_left_to_people(tenant: Tenant, application: Application) -> bool:
    if tenant.user_consent == Tenant.UserConsent.VERIFIED_PUBLISHERS:
        return application.is_publisher_verified or application.publisher_id == tenant.pk
    return tenant.user_consent == Tenant.UserConsent.ALLOWED
