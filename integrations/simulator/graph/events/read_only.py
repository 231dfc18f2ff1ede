"""What of an event only the service writes. A client may send it back: it is ignored, but has to be readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.simulator.graph.events.shapes import Shape, entity, flag, many, moment, one_of, struct, text

KINDS = ("singleInstance", "occurrence", "exception", "seriesMaster")
RESPONSES = ("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded")
RESPONSE_STATUS = struct("responseStatus", {"response": one_of(RESPONSES, "responseType"), "time": moment})
_TEXTS = (
    "id", "changeKey", "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "uid", "bodyPreview",
    "seriesMasterId", "webLink", "onlineMeetingUrl", "occurrenceId",
)  # fmt: skip
_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(_TEXTS, text),
    **dict.fromkeys(("createdDateTime", "lastModifiedDateTime", "originalStart"), moment),
    **dict.fromkeys(("hasAttachments", "isCancelled", "isOrganizer", "isDraft"), flag),
    **dict.fromkeys(("instances", "cancelledOccurrences", "exceptionOccurrences"), many(lambda one, _: one)),
    "calendar": entity,
    "type": one_of(KINDS, "eventType"),
    "organizer": struct("recipient", {"emailAddress": struct("emailAddress", {"name": text, "address": text})}),
    "responseStatus": RESPONSE_STATUS,
    "onlineMeeting": struct(
        "onlineMeetingInfo",
        {
            **dict.fromkeys(("conferenceId", "joinUrl", "quickDial", "tollNumber"), text),
            "phones": many(entity),
            "tollFreeNumbers": many(text),
        },
    ),
}


def check(body: Mapping[str, Any]) -> None:
    for name, shape in _SHAPES.items():
        if body.get(name) is not None:
            shape(body[name], name)
