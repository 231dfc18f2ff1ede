"""Whether a person and an application still stand as they did at the sign-in: asked before tokens are given."""

from __future__ import annotations

from datetime import datetime

from integrations.simulator.entra import particulars
from integrations.simulator.entra.errors import Refused, moment
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Application, Person, ServicePrincipal, Tenant


def check_tenant(tenant: Tenant) -> None:
    """Not blocked by Microsoft as a whole."""
    if tenant.is_blocked:
        raise Refused(5000224, **particulars.of_tenant(tenant))


def check_person(person: Person, application: Application, where: Directory, *, issued_at: datetime) -> None:
    """Still there, still allowed to sign in, in the directory that was asked, and not revoked since."""
    about = {**particulars.of_application(application), **particulars.of_person(person)}
    if not where.holds(person.tenant_id):
        raise Refused(50020, **{**about, "tenant": where.name})
    check_tenant(person.tenant)
    if person.deleted_at is not None:
        raise Refused(50034, **about)
    if not person.is_enabled:
        raise Refused(50057, **about)
    valid_from = _valid_from(person, application)
    if issued_at < valid_from:
        times = {"issued_at": moment(issued_at), "valid_from": moment(valid_from)}
        raise Refused(50173, revoked_at=f"{valid_from:%H:%M}", **times, **about)


def check_application(principal: ServicePrincipal | None, person: Person, application: Application) -> None:
    """Still in the person's organization, not disabled there, and for this person."""
    about = {**particulars.of_application(application), **particulars.of_person(person)}
    if principal is None:
        raise Refused(700016, **about)
    if not principal.is_enabled:
        raise Refused(7000112, **about)
    if principal.needs_assignment and not principal.assigned.filter(pk=person.pk).exists():
        raise Refused(50105, **about)


def check_policies(person: Person, *, has_mfa: bool, resource: str) -> None:
    """Conditional Access: blocked (53003), or a second factor wanted that the sign-in did not have (50076)."""
    if person.is_blocked:
        raise Refused(53003, **particulars.of_person(person))
    if person.needs_mfa and not has_mfa:
        raise Refused(50076, resource=resource, **particulars.of_person(person))


def _valid_from(person: Person, application: Application) -> datetime:
    """A new password kills what public clients hold; what confidential ones hold lives until it is revoked."""
    if application.is_public and person.password_changed_at is not None:
        return max(person.valid_from, person.password_changed_at)
    return person.valid_from
