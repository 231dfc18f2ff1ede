"""What can be done with an event besides changing it. Parameters are named in any case, as Outlook takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from integrations.simulator.graph import meetings, writing
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import attending, finding, moments, refusals, routes
from integrations.simulator.graph.replies import NO_CONTENT, Reply
from integrations.simulator.models import Event

_DONE = Reply(None, 202)


def accept(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    _parameters(asking, "comment", "sendResponse")
    return _respond(asking, ids, "accepted", "Accept", in_default=in_default)


def decline(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    _parameters(asking, "comment", "sendResponse", "proposedNewTime")
    return _respond(asking, ids, "declined", "Decline", in_default=in_default)


def tentatively_accept(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    _parameters(asking, "comment", "sendResponse", "proposedNewTime")
    return _respond(asking, ids, "tentativelyAccepted", "Tentative", in_default=in_default)


def cancel(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    """The organizer's goes, the attendees' stay as cancelled."""
    _parameters(asking, "comment")
    with transaction.atomic():
        found = finding.find(asking, *ids, in_default=in_default)
        if found.event.response != "organizer":
            raise refusals.not_organizer("cancel")
        if not found.event.attendees:
            raise refusals.cannot("You can't cancel an event that has no attendees.")
        routes.remove(found, now=asking.now)
    return _DONE


def forward(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    """Who gets it forwarded is invited, as optional."""
    given = _parameters(asking, "toRecipients", "comment")
    recipients = given.get("torecipients")
    if not isinstance(recipients, list) or not recipients:
        raise refusals.invalid("There is nobody to forward the event to.")
    with transaction.atomic():
        found = finding.find(asking, *ids, in_default=in_default)
        of_organizer = meetings.of_organizer(found.row)
        if of_organizer:
            _invite_more(of_organizer, [attending.recipient(one) for one in recipients], asking)
    return _DONE


def dismiss_reminder(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    _parameters(asking)
    with transaction.atomic():
        routes.apply(finding.find(asking, *ids, in_default=in_default), {"is_reminder_on": False}, now=asking.now)
    return Reply(None, 200)


def snooze_reminder(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    """Nothing of it shows in the event but that it changed."""
    given = _parameters(asking, "newReminderTime")
    if "newremindertime" not in given:
        raise refusals.invalid("The newReminderTime is missing.")
    moments.one({"newReminderTime": given["newremindertime"]}, "newReminderTime")
    with transaction.atomic():
        routes.apply(finding.find(asking, *ids, in_default=in_default), {"is_reminder_on": True}, now=asking.now)
    return Reply(None, 200)


def delete_for_good(asking: Asking, *ids: str, in_default: bool = False) -> Reply:
    with transaction.atomic():
        routes.remove(finding.find(asking, *ids, in_default=in_default), now=asking.now)
    return NO_CONTENT


def _respond(asking: Asking, ids: Sequence[str], answer: str, action: str, *, in_default: bool) -> Reply:
    with transaction.atomic():
        mine = finding.find(asking, *ids, in_default=in_default).row
        tells = _check_may_respond(asking, mine, action)
        meetings.respond(mine, answer, now=asking.now, tells_organizer=tells)
    return _DONE


def _check_may_respond(asking: Asking, mine: Event, action: str) -> bool:
    """Whether the organizer is told."""
    given = {name.lower(): value for name, value in asking.body.items()}
    tells = given.get("sendresponse", True)
    if not isinstance(tells, bool):
        raise refusals.unreadable("sendResponse")
    if mine.response == "organizer":
        raise refusals.is_organizer()
    if mine.is_cancelled and action != "Decline":
        raise refusals.is_cancelled(action)
    if tells and not mine.is_response_requested:
        raise refusals.cannot("The meeting organizer hasn't requested a response.")
    if given.get("proposednewtime") is not None:
        _check_proposal(given["proposednewtime"], mine, tells=tells)
    return tells


def _check_proposal(proposed: object, mine: Event, *, tells: bool) -> None:
    if not mine.allows_new_times or not tells:
        raise refusals.cannot("A new time can't be proposed for this meeting.")
    if not isinstance(proposed, dict):
        raise refusals.unreadable("proposedNewTime")
    if moments.one(proposed, "end").at < moments.one(proposed, "start").at:
        raise refusals.invalid("The proposed time ends before it starts.")


def _invite_more(event: Event, people: list[dict[str, Any]], asking: Asking) -> None:
    present = {one["address"].lower() for one in event.attendees}
    more = [one for one in people if one["address"].lower() not in present]
    fields = {"attendees": [*event.attendees, *more]}
    if event.kind == Event.Kind.EXCEPTION and event.master and event.original_date:
        writing.change_occurrence(event.master, event.original_date, fields, now=asking.now)
    else:
        writing.change(event, fields, now=asking.now)


def _parameters(asking: Asking, *names: str) -> dict[str, Any]:
    known = {name.lower() for name in names}
    given = {name.lower(): value for name, value in asking.body.items() if "@odata" not in name}
    for name in given:
        if name not in known:
            raise refusals.unknown_parameter(name)
    comment = given.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise refusals.unreadable("comment")
    return given
