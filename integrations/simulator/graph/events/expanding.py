"""What `$expand` may ask of an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.simulator.graph import errors, odata
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.events import properties
from integrations.simulator.graph.odata import Compare, Condition, Either, Path, Value

EXTENDED = "singlevalueextendedproperties"
_KNOWN = ("exceptionOccurrences",)
# Graph has these, the simulator has not.
_NOT_SIMULATED = ("extensions", "attachments", "multivalueextendedproperties", "calendar", "instances")


@dataclass(frozen=True)
class Expand:
    names: frozenset[str] = frozenset()
    extended: Sequence[str] = ()
    """Ids of the single-value extended properties that are wanted."""


def read(asking: Asking) -> Expand | None:
    text = asking.options.get("$expand", "").strip()
    if not text:
        return None
    names, extended = set(), list[str]()
    for name, options in odata.split_expand(text):
        if name.lower() == EXTENDED:
            properties.check_extensions(asking)
            extended += _wanted(options)
        else:
            names.add(_known(name))
    return Expand(frozenset(names), tuple(extended))


def _known(name: str) -> str:
    if name.lower() in _NOT_SIMULATED:
        raise errors.not_simulated("$expand").because(f"Expanding {name} is not simulated.")
    found = next((one for one in _KNOWN if one.lower() == name.lower()), None)
    if found is None:
        raise errors.no_such_property(name, "event")
    return found


def _wanted(options: Mapping[str, str]) -> Sequence[str]:
    """`$filter=id eq '…'`, or several of these joined by `or`. Without it Outlook does not know which to read."""
    if set(options) - {"$filter"} or not options.get("$filter"):
        raise errors.bad_option("$expand", "singleValueExtendedProperties").because(
            "Extended properties are expanded with a $filter on their id."
        )
    return _ids(odata.parse(options["$filter"]))


def _ids(condition: Condition) -> Sequence[str]:
    match condition:
        case Either(left, right):
            return (*_ids(left), *_ids(right))
        case Compare("eq", Path(names), Value(str() as wanted)) if [one.lower() for one in names] == ["id"]:
            return (wanted,)
    raise errors.bad_filter()
