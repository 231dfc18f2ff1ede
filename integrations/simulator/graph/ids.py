"""POST translateExchangeIds: between ordinary ids, immutable ones, and those of Exchange Web Services."""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph import recurrence
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.events import refusals
from integrations.simulator.models import Event

MOST = 1000
EWS = "ewsId"
COLUMNS = {"restId": "graph_id", "restImmutableEntryId": "immutable_id", EWS: "graph_id"}
# Of MAPI, which is not simulated.
_NOT_SIMULATED = ("entryId", "immutableEntryId")
# The same id in two spellings: Graph's stand in addresses.
TO_EXCHANGE = str.maketrans("-_", "/+")
TO_GRAPH = str.maketrans("/+", "-_")


def translate(asking: Asking) -> dict[str, Any]:
    given = {name.lower(): value for name, value in asking.body.items()}
    ids = given.get("inputids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise refusals.unreadable("inputIds")
    if len(ids) > MOST:
        raise refusals.invalid(f"At most {MOST} ids are translated at once.")
    source, target = (_kind(given.get(name.lower()), name) for name in ("sourceIdType", "targetIdType"))
    context = f"{asking.base}/$metadata#Collection(microsoft.graph.convertIdResult)"
    return {"@odata.context": context, "value": [_result(asking, one, source, target) for one in ids]}


def _result(asking: Asking, event_id: str, source: str, target: str) -> dict[str, Any]:
    found = _translated(asking, event_id, source, target)
    if found:
        return {"sourceId": event_id, "targetId": found}
    refused = refusals.no_such_item()
    return {"sourceId": event_id, "errorDetails": {"code": refused.code, "message": refused.message}}


def _translated(asking: Asking, event_id: str, source: str, target: str) -> str | None:
    if not event_id.isascii():
        return None
    asked = event_id.translate(TO_GRAPH) if source == EWS else event_id
    found = _named(asking, asked, COLUMNS[source], COLUMNS[target])
    return found.translate(TO_EXCHANGE) if found and target == EWS else found


def _named(asking: Asking, event_id: str, source: str, target: str) -> str | None:
    rows = Event.objects.filter(calendar__person=asking.person)
    found = rows.filter(**{source: event_id}).values_list(target, flat=True).first()
    split = None if found else recurrence.split_id(event_id)
    if split is None:
        return found
    master = rows.filter(**{source: split[0]}, kind=Event.Kind.MASTER).values_list(target, flat=True).first()
    return recurrence.occurrence_id(master, split[1]) if master else None


def _kind(value: object, name: str) -> str:
    if value in _NOT_SIMULATED:
        raise _unknown_kind(str(value))
    found = {kind.lower(): kind for kind in COLUMNS}.get(str(value).lower())
    if found is None:
        raise refusals.unknown_value(name, value, "exchangeIdFormat")
    return found


def _unknown_kind(kind: str) -> Refused:
    return Refused(501, "NotImplemented", f"The simulated service does not translate ids of the kind '{kind}'.")
