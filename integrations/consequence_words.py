"""What a change of the settings does to connections, in the words of the sheet that announces it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from accounts.domain_names import listed, shown
from accounts.openings import NOBODY, Effect, Prospect
from integrations.models import Prospect as Seen
from integrations.organization.foreseeing import Reach
from integrations.policy import Obstacle, Shape

_BECAUSE = {
    Obstacle.TURNED_OFF: "Turned off",
    Obstacle.ANOTHER_SERVICE: "Another service",
    Obstacle.ANOTHER_API: "Another way to authorize",
    Obstacle.ANOTHER_SERVER: "Another Exchange server",
    Obstacle.SET_UP_BY_ADMIN: "Set up by the admin",
    Obstacle.SET_UP_BY_PEOPLE: "Set up by each person",
    Obstacle.CALENDAR_WRITE: "Calendar: write",
    Obstacle.CONTACTS_WRITE: "Contacts: write",
}
_OF_THE_ORGANIZATION = "Connections by the organization come back by themselves whenever they are allowed again."


_NOT_LOOKED = "Not known yet whether without a step of theirs"


def because(obstacle: Obstacle, shape: Shape, prospect: str | None = None) -> str:
    """`prospect`: what is known of the way from EWS to Graph."""
    if prospect and obstacle in (Obstacle.ANOTHER_API, Obstacle.ANOTHER_SERVICE):
        return of_prospect(prospect)
    return _BECAUSE.get(obstacle) or f"Domain {shown(shape.domain)}"


def was(reason: str, shape: Shape) -> str:
    """Why it was blocked until now."""
    return because(Obstacle(reason), shape) if reason in list(Obstacle) else ""


def of_prospect(prospect: str | None) -> str:
    return str(Seen(prospect).label) if prospect else _NOT_LOOKED


def of_organization(shape: Shape) -> str:
    return (
        f"An organization’s authorization, {shown(shape.domain)}" if shape.domain else "An organization’s authorization"
    )


def of_ending(kept: int, grace: int, ended_by: Collection[Obstacle]) -> str:
    """`kept`: how many have an access that could be kept for a while; `ended_by`: of the organization's, why."""
    said = [_of_grace(kept, grace)] if kept else []
    if Obstacle.SET_UP_BY_PEOPLE in ended_by:
        said.append("Who was connected by the organization can connect by signing in at Microsoft once.")
    if set(ended_by) - {Obstacle.SET_UP_BY_PEOPLE}:
        said.append(_OF_THE_ORGANIZATION)
    return " ".join(said)


def of_beginning(effects: Sequence[Effect], reach: Reach | None) -> Prospect:
    if not effects or reach is None:
        return NOBODY
    return Prospect(
        tuple(effects),
        counted=("Person to be looked up at Microsoft", "People to be looked up at Microsoft"),
        label="To be looked up",
        says=("person is about to be looked up at Microsoft.", "people are about to be looked up at Microsoft."),
        note=" ".join(filter(None, [_of_looking_up(), _of_whom(reach)])),
    )


def of_moving(effects: Sequence[Effect], *, leaving: Sequence[Effect] = ()) -> Prospect:
    """`leaving`: those that go from EWS to Graph."""
    if not effects and not leaving:
        return NOBODY
    whither = "to the organization’s authorization" if not leaving else "to Graph"
    if effects and leaving:
        whither = "to Graph, or to the organization’s authorization"
    return Prospect(
        (*effects, *leaving),
        counted=("Connection that is moved", "Connections that are moved"),
        label="Moved",
        says=(f"connection is moved {whither}.", f"connections are moved {whither}."),
        note=" ".join([_ORGANIZATION_FIRST] * bool(effects) + [_GRAPH_FIRST] * bool(leaving)),
    )


def of_asking(effects: Sequence[Effect], *, leaving: Sequence[Effect] = ()) -> Prospect:
    """`leaving`: those who have to agree before they can go from EWS to Graph."""
    if not effects and not leaving:
        return NOBODY
    return Prospect(
        (*effects, *leaving),
        counted=("Person who has to sign in once", "People who have to sign in once"),
        label="To sign in once",
        says=("person is asked to sign in at Microsoft once.", "people are asked to sign in at Microsoft once."),
        note=" ".join([_CARRIED_UNTIL] * bool(effects) + [_EWS_UNTIL] * bool(leaving)),
    )


_ORGANIZATION_FIRST = (
    "Each works as before until the organization’s authorization has opened the same mailbox; only then does the "
    "person’s own access end. Where it does not open, the person’s own stays as it is; under a lock it is blocked."
)
_GRAPH_FIRST = (
    "Each goes on by EWS, while that answers, until Graph has opened the same mailbox. Where Microsoft wants a "
    "consent, the person is asked once; where Graph cannot open the mailbox, EWS stays, and under a lock it is blocked."
)
_CARRIED_UNTIL = "Until they have, the organization’s authorization carries their calendars as before."
_EWS_UNTIL = "Until they have, EWS goes on while it answers."


def _of_looking_up() -> str:
    return (
        "Whoever’s mailbox is found there is connected without a step of their own. Only Microsoft knows who has one; "
        "who has none is told so on the profile."
    )


def _of_whom(reach: Reach) -> str:
    """Where nothing has been authorized yet: on what the number rests."""
    if reach.is_linked:
        return ""
    return f"Counted as if an Office 365 admin had authorized it for {listed(sorted(reach.domains))}."


def _of_grace(number: int, grace: int) -> str:
    them = "it" if number == 1 else "them"
    if not grace:
        return (
            f"Nothing uses {them} any more, and Meridian forgets its sealed access at once: whoever is blocked has to "
            "connect again, should it be allowed again."
        )
    days = "1 day" if grace == 1 else f"{grace} days"
    return (
        f"Nothing uses {them} from then on. Meridian keeps its sealed access for {days}: what is allowed again before "
        "comes back by itself, without a new consent."
    )
