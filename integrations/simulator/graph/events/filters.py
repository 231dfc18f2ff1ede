"""`$filter` and `$orderby` on events: in the database for rows, in memory for occurrences, which are none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from integrations.simulator.graph import errors, extended, filtering, odata, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.events import properties, refusals, rendering
from integrations.simulator.graph.filtering import EQUALITY, TEXT, TIME, Collected, Column
from integrations.simulator.graph.odata import Both, Call, Compare, Condition, Either, In, Lambda, Not, Path, Value
from integrations.simulator.graph.recurrence import Occurrence
from integrations.simulator.models import Event

Fields = Mapping[str, Any]
# Outlook has no endswith.
_TEXT = TEXT - {"endswith"}
COLUMNS: Mapping[str, Column] = {
    "subject": Column("subject", operators=_TEXT),
    "start/datetime": Column("starts_at", "time", TIME),
    "end/datetime": Column("ends_at", "time", TIME),
    "createddatetime": Column("created_at", "time", TIME),
    "lastmodifieddatetime": Column("modified_at", "time", TIME),
    "isallday": Column("is_all_day", "bool", EQUALITY),
    "iscancelled": Column("is_cancelled", "bool", EQUALITY),
    "isorganizer": Column("is_organizer", "bool", EQUALITY),
    "isreminderon": Column("is_reminder_on", "bool", EQUALITY),
    "icaluid": Column("ical_uid", operators=EQUALITY),
    "uid": Column("uid", operators=EQUALITY),
    "type": Column("kind", operators=EQUALITY),
    "seriesmasterid": Column("master__graph_id", operators=EQUALITY),
    "showas": Column("show_as", operators=EQUALITY),
    "sensitivity": Column("sensitivity", operators=EQUALITY),
    "importance": Column("importance", operators=EQUALITY),
    "responsestatus/response": Column("response", operators=EQUALITY),
    "organizer/emailaddress/address": Column("organizer_address", operators=_TEXT),
    "organizer/emailaddress/name": Column("organizer_name", operators=_TEXT),
    "transactionid": Column("transaction_id", operators=EQUALITY),
}
ORDERS = {
    "start/datetime": "starts_at",
    "end/datetime": "ends_at",
    "subject": "subject",
    "createddatetime": "created_at",
    "lastmodifieddatetime": "modified_at",
    "isallday": "is_all_day",
    "showas": "show_as",
    "importance": "importance",
    "sensitivity": "sensitivity",
}
_EXTENDED = extended.NAME.lower()


class Filter:
    def __init__(self, asking: Asking) -> None:
        self._text = asking.options.get("$filter", "").strip()
        self._asking = asking
        # Also checks the whole text, so that what follows may trust it.
        self._q = self._in_database() if self._text else Q()
        self._condition = odata.parse(self._text) if self._text else None

    def rows(self, rows: QuerySet[Event]) -> QuerySet[Event]:
        if not self._text:
            return rows
        organizer = ExpressionWrapper(Q(response="organizer"), BooleanField())
        return rows.alias(is_organizer=organizer).filter(self._q)

    def takes(self, master: Event, occ: Occurrence) -> bool:
        return self._condition is None or _Match(master, occ).holds(self._condition)

    def _in_database(self) -> Q:
        collections = {"categories": Collected(self._with_category), _EXTENDED: Collected(self._with_extended)}
        return filtering.q_of(
            self._text, {**COLUMNS, **collections}, known=properties.PROPERTIES, unsupported=_unsupported
        )

    def _with_category(self, condition: Lambda) -> Q:
        """Exactly, in any case: JSON kept as text tells neither whole names nor letters such as ü apart."""
        if condition.condition is None:
            return ~Q(categories=[])
        wanted = _category_of(condition)
        rows = (
            Event.objects.filter(calendar__person=self._asking.person).exclude(categories=[]).only("pk", "categories")
        )
        return Q(pk__in=[row.pk for row in rows if _has_category(row, wanted)])

    def _with_extended(self, condition: Lambda) -> Q:
        """No database compares these as Outlook does; who filters by them has few."""
        properties.check_extensions(self._asking)
        # What makes no sense is refused even where there is nothing to compare.
        _has_extended(Event(), condition)
        rows = self._mine().exclude(extended={}).only("pk", "extended")
        return Q(pk__in=[row.pk for row in rows if _has_extended(row, condition)])

    def _mine(self) -> QuerySet[Event]:
        return Event.objects.filter(calendar__person=self._asking.person)


def order(asking: Asking) -> list[tuple[str, bool]]:
    """Columns, and whether each is turned round. By start unless asked otherwise."""
    columns = []
    for one in odata.parse_order(asking.options.get("$orderby", "").strip() or "start/dateTime"):
        column = ORDERS.get(one.path.lower())
        if column is None:
            raise errors.bad_option("$orderby", one.path)
        columns.append((column, one.is_descending))
    return columns


class _Match:
    """One occurrence against a condition that `filtering` has found to make sense."""

    def __init__(self, master: Event, occ: Occurrence) -> None:
        self._master = master
        self._own: Fields = {
            "starts_at": occ.starts_at,
            "ends_at": occ.ends_at,
            "ical_uid": rendering.occurrence_uid(master.ical_uid, occ.day),
            "kind": "occurrence",
            "master__graph_id": master.graph_id,
            "is_organizer": master.response == "organizer",
            "transaction_id": None,
        }

    def holds(self, condition: Condition) -> bool:
        match condition:
            case Both(left, right):
                return self.holds(left) and self.holds(right)
            case Either(left, right):
                return self.holds(left) or self.holds(right)
            case Not(inner):
                return not self.holds(inner)
            case Lambda():
                return self._any(condition)
            case In(left, values):
                return any(self._compares("eq", left, value) for value in values)
            case Compare(operator, Value() as left, right):
                return self._compares(_TURNED[operator], right, left)
            case Compare(operator, left, right):
                return self._compares(operator, left, right)
            case Call(name, (left, Value(str() as text))):
                return _text_holds(name, str(self._value(left)), text)
        return bool(self._value(condition))

    def _any(self, condition: Lambda) -> bool:
        if str(condition.collection).lower() == _EXTENDED:
            return _has_extended(self._master, condition)
        if condition.condition is None:
            return bool(self._master.categories)
        return _has_category(self._master, _category_of(condition))

    def _compares(self, operator: str, left: object, right: object) -> bool:
        here = self._value(left)
        there: object = right.of if isinstance(right, Value) else None
        if here is None or there is None:
            return (here is there) == (operator == "eq")
        if isinstance(here, datetime):
            there = times.compared(there)
        elif isinstance(here, str):
            here, there = here.casefold(), str(there).casefold()
        return bool(_OPERATORS[operator](here, there))

    def _value(self, operand: object) -> Any:
        while isinstance(operand, Call):
            operand = operand.arguments[0]
        column = COLUMNS[str(operand).lower()].field
        return self._own[column] if column in self._own else getattr(self._master, column)


_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
_OPERATORS: Mapping[str, Any] = {
    "eq": lambda here, there: here == there,
    "ne": lambda here, there: here != there,
    "gt": lambda here, there: here > there,
    "ge": lambda here, there: here >= there,
    "lt": lambda here, there: here < there,
    "le": lambda here, there: here <= there,
}


def _text_holds(name: str, here: str, wanted: str) -> bool:
    here, wanted = here.casefold(), wanted.casefold()
    if name == "contains":
        return wanted in here
    return here.startswith(wanted) if name == "startswith" else here.endswith(wanted)


def _has_category(event: Event, wanted: str) -> bool:
    return any(one.casefold() == wanted.casefold() for one in event.categories)


def _category_of(condition: Lambda) -> str:
    """`categories/any(c: c eq 'Red')`"""
    match condition.condition:
        case Compare("eq", Path((variable,)), Value(str() as wanted)):
            if condition.kind == "any" and variable == condition.variable:
                return wanted
    raise errors.bad_filter()


def _has_extended(event: Event, condition: Lambda) -> bool:
    """`singleValueExtendedProperties/Any(ep: ep/id eq '…' and ep/value eq '…')`"""
    if condition.kind != "any":
        raise errors.bad_filter()
    match condition.condition:
        case Both(Compare("eq", id_path, Value(str() as property_id)), compared):
            _check_path(condition, id_path, "id")
            return _value_holds(event, condition, property_id, compared)
    raise errors.bad_filter()


def _value_holds(event: Event, condition: Lambda, property_id: str, compared: Condition) -> bool:
    match compared:
        case Compare(operator, path, Value(str() | None as wanted)):
            _check_path(condition, path, "value")
            if wanted is None and operator not in ("eq", "ne"):
                raise errors.bad_filter()
            return extended.matches(event, property_id, wanted, operator)
        case Call("startswith" | "contains" as name, (path, Value(str() as wanted))):
            _check_path(condition, path, "value")
            return extended.matches(event, property_id, wanted, name)
    raise errors.bad_filter()


def _check_path(condition: Lambda, path: object, member: str) -> None:
    while isinstance(path, Call) and path.name == "cast" and path.arguments:
        path = path.arguments[0]
    if not isinstance(path, Path) or [one.lower() for one in path.names] != [condition.variable.lower(), member]:
        raise errors.bad_filter()


def _unsupported(name: str, operator: str) -> Refused:
    return refusals.bad_node().because(f"Outlook does not filter events by {name} with {operator}.")
