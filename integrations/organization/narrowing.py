"""How an admin takes away at Microsoft what is not needed, with the commands for this very organization. Pure.

Rights add up: a role of Exchange that is scoped to some mailboxes limits nothing while the consent still holds for all
of them. So the scoped role is made first and the consent taken away last, and calendars go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integrations.organization.exchange_commands import SCOPE_NAME, assign, assign_instead, assigned, quoted, scope
from integrations.organization.exchange_commands import tried as tried_with
from integrations.organization.needs import (
    PERMISSIONS,
    READ_CONTACTS,
    READ_DIRECTORY,
    Needs,
    Row,
    Standing,
    about,
    contained,
)
from integrations.organization.steps import (
    CLOUDS,
    WHO_REMOVES,
    Place,
    Step,
    principal_of,
    sign_in_to_exchange,
    sign_in_to_graph,
)

__all__ = [
    "LONGEST",
    "Chosen",
    "How",
    "Place",
    "Step",
    "calendars_alone",
    "ending",
    "entra_address",
    "is_usable",
    "scope_of",
    "scoping",
    "taking_away",
    "which",
]

LONGEST = 500
_GRAPH = "00000003-0000-0000-c000-000000000000"
_GRAPH_THERE = f"$graph = Get-MgServicePrincipal -Filter \"appId eq '{_GRAPH}'\""


class How(StrEnum):
    """By what mailboxes are chosen."""

    GROUP = "group"
    FILTER = "filter"


@dataclass(frozen=True)
class Chosen:
    """Which mailboxes: a group's name or address, or a filter in Exchange's words; and two mailboxes to try."""

    how: How = How.GROUP
    what: str = ""
    inside: str = ""
    outside: str = ""


def is_usable(text: str) -> bool:
    """Fits on one line of a command."""
    return len(text) <= LONGEST and text.isprintable()


def taking_away(place: Place, rows: Sequence[Row]) -> list[Step]:
    """What is granted and not needed, by the consent or by Exchange. Empty where there is nothing.

    What is needed and comes by a wider permission alone is first granted by its own name."""
    of_entra = [row for row in rows if row.standing is Standing.MORE and not row.is_exchange]
    of_exchange = [row for row in rows if row.standing is Standing.MORE and row.is_exchange]
    steps: list[Step] = []
    if of_entra:
        names = [row.name for row in of_entra]
        narrower = [row.name for row in rows if row.by in names]
        steps += [
            sign_in_to_graph(place),
            *_grant(place, narrower),
            _remove(place, names, _words(names), _why(of_entra)),
        ]
    if of_exchange:
        in_token = {row.name for row in rows if row.standing is Standing.GRANTED}
        wanted = [row.name for row in rows if row.is_needed and row.name not in in_token]
        steps += [sign_in_to_exchange(place), *_remove_from_exchange(place, of_exchange, wanted)]
    return steps


def calendars_alone(place: Place, needed: Needs, roles: Collection[str]) -> list[Step]:
    """All but the one permission for calendars. Empty where nothing else is granted."""
    calendars = needed.names[0]
    rest = sorted(set(roles) - {calendars})
    if calendars not in contained(roles) or all(calendars in about(name).contains for name in rest):
        return []
    narrower = [] if calendars in roles else [calendars]
    says = f"Calendars go on with {calendars} alone."
    if needed.reads_contacts and READ_CONTACTS in contained(rest):
        says += " Contacts are not read any more."
    if READ_DIRECTORY in contained(rest):
        says += (
            " Everybody who is connected stays connected; new people are looked up by their address, and new names and "
            "aliases are not followed any more."
        )
    return [sign_in_to_graph(place), *_grant(place, narrower), _remove(place, rest, _words(rest), says)]


def scoping(place: Place, needed: Needs, roles: Collection[str], chosen: Chosen) -> list[Step]:
    """From all mailboxes to some, in the order in which calendars never stop."""
    wanted = [name for name in needed.names if name != READ_DIRECTORY]
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
            "Give the same permission for these mailboxes only",
            "From now on Meridian may do it twice: by the consent in all mailboxes, by this role in these.",
            "\n".join(assign(place.app_id, name) for name in wanted),
        ),
        Step(
            "Look whether Exchange sees it so",
            "InScope says True for a mailbox of the scope, and False for one outside.",
            tried_with(place.app_id, chosen.inside or "inside@your.domain", chosen.outside or "outside@your.domain"),
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
    """What is left at Microsoft once Meridian no longer uses a consent."""
    return [
        sign_in_to_graph(place, who=WHO_REMOVES, scopes=("Application.ReadWrite.All",)),
        Step(
            "Remove Meridian from the organization",
            "This withdraws every consent to it there, also what people gave for themselves.",
            f"{principal_of(place)}\n"
            "if ($principalId) { Remove-MgServicePrincipal -ServicePrincipalId $principalId }",
        ),
        sign_in_to_exchange(place),
        Step(
            "Remove it from Exchange too, if you had limited it to some mailboxes",
            "Its roles go with it; the scope is yours to keep.",
            f"{assigned(place.app_id)} | Remove-ManagementRoleAssignment\n"
            f"Remove-ServicePrincipal -Identity {quoted(place.app_id)}\n"
            f"Remove-ManagementScope -Identity {quoted(SCOPE_NAME)}",
        ),
    ]


def entra_address(place: Place) -> str:
    """The page in Entra’s admin centre on which consents are seen and removed; of the worldwide cloud only."""
    if place.graph_host in CLOUDS or not place.principal_id:
        return ""
    return (
        "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Permissions/"
        f"objectId/{place.principal_id}/appId/{place.app_id}"
    )


def _for_all_mailboxes(place: Place, roles: Collection[str]) -> Step:
    """Last: every role of the token that opens mailboxes."""
    mailboxes = sorted(name for name in roles if about(name).exchange_role or name.startswith(_OF_MAILBOXES))
    if not mailboxes:
        return Step("Nothing is left to take away", "No permission for all mailboxes is granted any more.")
    says = "Last of all, because rights add up: while one of these is granted, it opens all mailboxes."
    return _remove(place, mailboxes, "what is granted for all mailboxes", says)


_OF_MAILBOXES = ("Calendars.", "Contacts.", "Mail.", "MailboxSettings.")


def _grant(place: Place, names: Sequence[str]) -> list[Step]:
    """What is needed by its own name, before the wider one goes that gave it."""
    if not names:
        return []
    lines = [principal_of(place), _GRAPH_THERE]
    lines += [
        f"# {name}\n"
        "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principalId -PrincipalId $principalId "
        f"-ResourceId $graph.Id -AppRoleId {quoted(about(name).app_role)}"
        for name in names
    ]
    says = "It comes by a wider permission only. Granted by its own name first, it stays when the wider one goes."
    return [Step(f"Grant {_words(names)} first", says, "\n".join(lines))]


def _remove(place: Place, names: Sequence[str], what: str, says: str) -> Step:
    lines = [principal_of(place)]
    unknown = [name for name in names if not about(name).app_role]
    if unknown:
        lines.append(_GRAPH_THERE)
    for name in names:
        app_role = about(name).app_role
        is_it = quoted(app_role) if app_role else f"($graph.AppRoles | Where-Object Value -eq {quoted(name)}).Id"
        lines.append(
            f"# {name}\n"
            "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principalId -All |\n"
            f"  Where-Object AppRoleId -eq {is_it} |\n"
            "  ForEach-Object { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principalId "
            "-AppRoleAssignmentId $_.Id }"
        )
    return Step(f"Take away {what}", says, "\n".join(lines))


def _remove_from_exchange(place: Place, surplus: Sequence[Row], wanted: Collection[str]) -> list[Step]:
    """`wanted`: what is needed and not granted for all mailboxes."""
    steps: list[Step] = []
    for row in surplus:
        if narrower := sorted(about(row.name).contains & set(wanted)):
            says = "In the same scopes. Exchange says so if it is assigned already; then go on."
            commands = "\n".join(assign_instead(place.app_id, name, row.name) for name in narrower)
            steps.append(Step(f"Give {_words(narrower)} first", says, commands))
    # What is found open may be so by a wider role.
    names = [row.name for row in surplus]
    names += sorted(name for name in _EXCHANGE if about(name).contains & set(names) and name not in {*names, *wanted})
    lines = [f"{assigned(place.app_id, name)} | Remove-ManagementRoleAssignment" for name in names]
    title = f"Take away {_words(row.name for row in surplus)} at Exchange"
    return [*steps, Step(title, _why(surplus), "\n".join(lines))]


_EXCHANGE = [one.name for one in PERMISSIONS.values() if one.exchange_role]


def which(chosen: Chosen) -> str:
    if chosen.how is How.GROUP:
        return "The mailboxes that are members of a group of Exchange themselves: groups within it do not count."
    return "The mailboxes of which this filter of Exchange’s is true."


def scope_of(chosen: Chosen) -> str:
    if chosen.how is How.GROUP:
        return scope(group=chosen.what or "calendars@your.domain")
    return scope(filtered_by=chosen.what or "CustomAttribute1 -eq 'Meridian'")


def _words(names: Iterable[str]) -> str:
    return ", ".join(names)


def _why(rows: Iterable[Row]) -> str:
    return " ".join(f"{row.name}: {row.why}" for row in rows)
