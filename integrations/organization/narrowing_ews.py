"""How an admin allows, limits and takes away at Microsoft what a consent to EWS gives, with the commands for this very
organization. Pure.

EWS has one permission, for all of every mailbox. It can be limited to some mailboxes, and to nothing smaller in them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from integrations.organization.exchange_commands import assign, assigned, quoted, tried
from integrations.organization.narrowing import Chosen, scope_of, which
from integrations.organization.needs import FULL_ACCESS, Row, Standing, about
from integrations.organization.steps import (
    WHO_REMOVES,
    Place,
    Step,
    principal_of,
    sign_in_to_exchange,
    sign_in_to_graph,
)

# As `exchange_commands` wants it: without the word in front.
_ROLE = "EWS.AccessAsApp"
_EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
_EXCHANGE_THERE = f"$exchange = Get-MgServicePrincipal -Filter \"appId eq '{_EXCHANGE_ONLINE}'\""


def taking_away(place: Place, rows: Sequence[Row]) -> list[Step]:
    """What is granted besides. Empty where there is nothing."""
    names = [row.name for row in rows if row.standing is Standing.MORE and not row.is_exchange]
    if not names:
        return []
    says = "Meridian uses nothing of Exchange Online but EWS."
    return [sign_in_to_graph(place), _remove(place, names, ", ".join(names), says)]


def allowing(place: Place) -> list[Step]:
    """Exchange Online blocks EWS by default: what its admin does so that Meridian may use it while it exists."""
    return [
        sign_in_to_exchange(place),
        Step(
            "Look how it stands",
            "EwsEnabled has to be True, and where there is a list of applications, Meridian has to be on it.",
            "Get-OrganizationConfig | Format-List EwsEnabled,EwsAllowedAppIDs",
        ),
        Step(
            "Allow it",
            "For the organization. It may take up to 24 hours. An empty list blocks every application.",
            "Set-OrganizationConfig -EwsEnabled $true\n"
            f"Set-OrganizationConfig -EwsAllowedAppIDs @{{Add={quoted(place.app_id)}}}",
        ),
        Step(
            "Allow it for single mailboxes, where it was switched off for them",
            "Both have to allow it: the organization and the mailbox.",
            "Set-CASMailbox -Identity 'somebody@your.domain' -EwsEnabled $true",
        ),
    ]


def scoping(place: Place, roles: Collection[str], chosen: Chosen) -> list[Step]:
    """From all mailboxes to some, in the order in which calendars never stop."""
    return [
        *([] if place.principal_id else [sign_in_to_graph(place)]),
        sign_in_to_exchange(place),
        Step(
            "Make the application known to Exchange",
            "Once for each organization. Exchange says so if it knows it already; then go on.",
            f"{principal_of(place)}\n"
            f"New-ServicePrincipal -AppId {quoted(place.app_id)} -ObjectId $principalId -DisplayName 'Meridian'",
        ),
        Step("Say which mailboxes", which(chosen), scope_of(chosen)),
        Step(
            "Give EWS for these mailboxes only",
            f"The role {about(FULL_ACCESS).exchange_role}. From now on Meridian may do it twice: by the consent in all "
            "mailboxes, by this role in these.",
            assign(place.app_id, _ROLE),
        ),
        Step(
            "Look whether Exchange sees it so",
            "InScope says True for a mailbox of the scope, and False for one outside.",
            tried(place.app_id, chosen.inside or "inside@your.domain", chosen.outside or "outside@your.domain"),
        ),
        *([sign_in_to_graph(place)] if place.principal_id else []),
        _for_all_mailboxes(place, roles),
        Step(
            "Wait, then check again",
            "Microsoft keeps permissions in caches: it takes effect after 30 minutes to 2 hours. Then check again on "
            "this page, with a mailbox inside and one outside.",
        ),
    ]


def ending(place: Place) -> list[Step]:
    """What is left at Microsoft once Meridian no longer uses EWS there. What was consented to for Graph stays."""
    says = "Only the permission for EWS. What Meridian may do by Graph is another consent, and stays."
    return [
        sign_in_to_graph(place, who=WHO_REMOVES),
        _remove(place, [FULL_ACCESS], FULL_ACCESS, says),
        sign_in_to_exchange(place),
        Step(
            "Remove it from Exchange too, if you had limited it to some mailboxes",
            "The role for EWS alone; the scope is yours to keep.",
            f"{assigned(place.app_id, _ROLE)} | Remove-ManagementRoleAssignment",
        ),
    ]


def _for_all_mailboxes(place: Place, roles: Collection[str]) -> Step:
    if FULL_ACCESS not in roles:
        return Step("Nothing is left to take away", "EWS is granted for all mailboxes no more.")
    says = "Last of all, because rights add up: while it is granted, it opens all mailboxes."
    return _remove(place, [FULL_ACCESS], "what is granted for all mailboxes", says)


def _remove(place: Place, names: Sequence[str], what: str, says: str) -> Step:
    is_known = list(names) == [FULL_ACCESS]
    lines = [principal_of(place), *([] if is_known else [_EXCHANGE_THERE])]
    for name in names:
        by_name = f"($exchange.AppRoles | Where-Object Value -eq {quoted(name)}).Id"
        # A role of Exchange Online that is called as one of Graph's has another id.
        is_it = quoted(about(FULL_ACCESS).app_role) if name == FULL_ACCESS else by_name
        lines.append(
            f"# {name}\n"
            "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principalId -All |\n"
            f"  Where-Object AppRoleId -eq {is_it} |\n"
            "  ForEach-Object { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principalId "
            "-AppRoleAssignmentId $_.Id }"
        )
    return Step(f"Take away {what}", says, "\n".join(lines))
