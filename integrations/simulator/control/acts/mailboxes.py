"""What happens to a mailbox: where it is, whether its changes are told, and how far delta tokens reach."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from integrations.simulator.control.acts.declaring import Action, choice, number
from integrations.simulator.models import Calendar, Person

GROUP = "Mailbox"


def move(person: Person, *, to: str, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(mailbox=to)
    return f"{person.name}’s mailbox: {Person.Mailbox(to).label.lower()}."


def move_on_premises(person: Person, *, now: datetime) -> str:
    return move(person, to=Person.Mailbox.ON_PREMISES, now=now)


def move_to_cloud(person: Person, *, now: datetime) -> str:
    return move(person, to=Person.Mailbox.CLOUD, now=now)


def take_away(person: Person, *, now: datetime) -> str:
    return move(person, to=Person.Mailbox.NONE, now=now)


def notices(person: Person, *, what: str, delay_seconds: int, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(notices=what, notice_delay_seconds=delay_seconds)
    late = f" by {delay_seconds} s" if what == Person.Notices.DELAYED else ""
    return f"Change notifications about {person.name}’s mailbox: {Person.Notices(what).label.lower()}{late}."


def expire_delta_tokens(person: Person, *, now: datetime) -> str:
    Calendar.objects.filter(person=person).update(sync_generation=F("sync_generation") + 1)
    return f"The delta tokens of {person.name}’s calendars are answered with 410 Gone."


ACTIONS = (
    Action(
        on="people",
        name="move-on-premises",
        label="Move the mailbox on-premises",
        group=GROUP,
        effect="Graph answers 404 MailboxNotEnabledForRESTAPI to everything of this mailbox, and subscriptions end. "
        "Its Exchange Web Services are those of the server on-premises. Events come along.",
        do=move_on_premises,
        is_harmful=True,
        fits=lambda person: person.mailbox == Person.Mailbox.CLOUD,
    ),
    Action(
        on="people",
        name="take-mailbox",
        label="Take the mailbox away",
        group=GROUP,
        effect="As without a licence: Graph answers 404 to everything of this mailbox, Exchange "
        "ErrorNonExistentMailbox. Events are kept for a "
        "change of mind.",
        do=take_away,
        is_harmful=True,
        fits=lambda person: person.mailbox != Person.Mailbox.NONE,
    ),
    Action(
        on="people",
        name="move-to-cloud",
        label="Move the mailbox to Exchange Online",
        group=GROUP,
        effect="Graph and the Exchange Web Services of Exchange Online reach it, with the events it had; the server "
        "on-premises does not any more.",
        do=move_to_cloud,
        fits=lambda person: person.mailbox != Person.Mailbox.CLOUD,
    ),
    Action(
        on="people",
        name="notices",
        label="Change notifications",
        group=GROUP,
        effect="What becomes of them on the way. Dropped ones are lost: only delta, or a “missed” lifecycle event, "
        "tells.",
        do=notices,
        parameters=(
            choice(
                "what",
                "They are",
                {str(value): str(label) for value, label in Person.Notices.choices},
                current=lambda person: person.notices,
            ),
            number("delay_seconds", "Delay in seconds", 60, most=86_400),
        ),
    ),
    Action(
        on="people",
        name="expire-delta-tokens",
        label="Expire delta tokens",
        group=GROUP,
        effect="Each delta link is answered with 410 Gone (SyncStateNotFound): the client has to read everything anew.",
        do=expire_delta_tokens,
        is_harmful=True,
    ),
)
