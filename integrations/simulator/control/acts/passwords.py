"""New passwords, by each of the ways that Microsoft documents: what they revoke differs.

Of confidential clients, refresh tokens survive a change by the person, a self-service reset and a reset in the Azure
portal; a reset in the Entra admin centre revokes them. Public clients lose them, and browsers their sessions, each
time.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import make_password

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, choice, flag
from integrations.simulator.models import Person

WAYS = {
    "changed_by_person": "Changed by the person",
    "self_service_reset": "Self-service reset",
    "reset_in_azure_portal": "Reset by an administrator in the Azure portal",
    "reset_in_entra_admin_centre": "Reset by an administrator in the Entra admin centre",
}
REVOKING = "reset_in_entra_admin_centre"
GROUP = "Password"


def set_password(person: Person, *, password: str, way: str, revoke: bool, now: datetime) -> str:
    revokes = revoke or way == REVOKING
    Person.objects.filter(pk=person.pk).update(
        password=make_password(password),
        password_is_expired=False,
        password_changed_at=now,
        wrong_passwords=0,
        locked_until=None,
        valid_from=now if revokes else person.valid_from,
    )
    after = "Every session from before is revoked." if revokes else "Refresh tokens of web applications live on."
    return f"{person.name} has a new password. {after}"


def expire(person: Person, *, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(password_is_expired=True)
    return f"{person.name}’s password has expired."


def unexpire(person: Person, *, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(password_is_expired=False)
    return f"{person.name}’s password is good again."


ACTIONS = (
    Action(
        on="people",
        name="password",
        label="Set a new password",
        group=GROUP,
        effect="Only a reset in the Entra admin centre revokes the refresh tokens of web applications (AADSTS50173). "
        "Each way ends browser sessions and the tokens of public clients.",
        do=set_password,
        parameters=(
            Parameter(name="password", label="The new password", kind=Kind.PASSWORD),
            choice("way", "How", WAYS, default="changed_by_person"),
            flag("revoke", "Revoke all sessions as well", default=False),
        ),
        is_harmful=True,
    ),
    Action(
        on="people",
        name="expire-password",
        label="Let the password expire",
        group=GROUP,
        effect="Signing in asks for a new one (AADSTS50055). Refresh tokens of web applications live on.",
        do=expire,
        is_harmful=True,
        fits=lambda person: not person.password_is_expired,
    ),
    Action(
        on="people",
        name="unexpire-password",
        label="Make the password good again",
        group=GROUP,
        effect="Signing in works with the password as it is.",
        do=unexpire,
        fits=lambda person: person.password_is_expired,
    ),
)
