"""Restrictions and orders: properties compared as Exchange would write them, item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from xml.etree.ElementTree import Element

from integrations.simulator.ews import extended, items, refusals
from integrations.simulator.ews.entries import Entry
from integrations.simulator.ews.mailboxes import Asking
from integrations.simulator.ews.nodes import Node
from integrations.simulator.ews.refusals import Refused

DEEPEST = 20
_COMPARES: Mapping[str, Callable[[int], bool]] = {
    "IsEqualTo": lambda order: order == 0,
    "IsNotEqualTo": lambda order: order != 0,
    "IsGreaterThan": lambda order: order > 0,
    "IsGreaterThanOrEqualTo": lambda order: order >= 0,
    "IsLessThan": lambda order: order < 0,
    "IsLessThanOrEqualTo": lambda order: order <= 0,
}
_MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "FullString": lambda value, wanted: value == wanted,
    "Prefixed": lambda value, wanted: value.startswith(wanted),
    "Substring": lambda value, wanted: wanted in value,
    "PrefixOnWords": lambda value, wanted: any(word.startswith(wanted) for word in value.split()),
    "ExactPhrase": lambda value, wanted: wanted in value,
}
_PATHS = ("FieldURI", "ExtendedFieldURI", "IndexedFieldURI")
Key = tuple[int, float, str]


def apply(operation: Node, entries: list[Entry], asking: Asking) -> list[Entry]:
    restriction = operation.find("Restriction")
    if restriction is not None:
        wanted = _only_child(restriction)
        entries = [one for one in entries if _holds(wanted, one, asking, 0)]
    for order in reversed(operation.all("SortOrder", "FieldOrder")):
        path = _path(order)
        turned = order.attributes.get("Order") == "Descending"
        entries = sorted(entries, key=partial(_sorted_by, path, asking), reverse=turned)
    return entries


def _holds(node: Node, entry: Entry, asking: Asking, depth: int) -> bool:
    if depth > DEEPEST:
        raise Refused("ErrorRestrictionTooComplex", "The restriction is too complex.")
    if node.name in ("And", "Or"):
        results = (_holds(one, entry, asking, depth + 1) for one in node)
        return all(results) if node.name == "And" else any(results)
    if node.name == "Not":
        return not _holds(_only_child(node), entry, asking, depth + 1)
    if node.name == "Exists":
        return bool(_values(_path(node), entry))
    if node.name == "Contains":
        return _contains(node, entry)
    if node.name in _COMPARES:
        return _compares(node, entry, asking)
    raise refusals.not_simulated(f"restriction {node.name[:40]}")


def _compares(node: Node, entry: Entry, asking: Asking) -> bool:
    """What an item lacks is equal to nothing."""
    right = node.find("FieldURIOrConstant", "Constant")
    if right is None:
        raise refusals.not_simulated("restrictions that compare two properties")
    wanted = _key(right.attributes.get("Value", ""), asking)
    found = [_key(value, asking) for value in _values(_path(node), entry)]
    if not found:
        return node.name == "IsNotEqualTo"
    return any(_COMPARES[node.name]((one > wanted) - (one < wanted)) for one in found)


def _contains(node: Node, entry: Entry) -> bool:
    constant = node.find("Constant")
    match = _MATCHES.get(node.attributes.get("ContainmentMode", "FullString"))
    if constant is None or match is None:
        raise refusals.schema("The element 'Contains' is invalid.")
    wanted, values = constant.attributes.get("Value", ""), _values(_path(node), entry)
    if node.attributes.get("ContainmentComparison", "Exact") != "Exact":
        wanted, values = wanted.casefold(), [one.casefold() for one in values]
    return any(match(value, wanted) for value in values)


def _values(path: Node, entry: Entry) -> list[str]:
    """The texts of a property: one, or those of a collection, or none."""
    if path.name == "ExtendedFieldURI":
        found = extended.element(entry.event, path)
    else:
        found = items.property_of(entry, path.attributes.get("FieldURI", ""))
    if found is None:
        return []
    children: Sequence[Element] = [one for one in found.iter() if len(one) == 0]
    return [one.text or "" for one in children]


def _sorted_by(path: Node, asking: Asking, entry: Entry) -> Key:
    found = _values(path, entry)
    return _key(found[0], asking) if found else (-1, 0.0, "")


def _key(text: str, asking: Asking) -> Key:
    """Times by when they are, numbers by their value, words in any case."""
    try:
        return (0, float(text), "")
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return (2, 0.0, text.casefold())
    return (1, (at if at.tzinfo else at.replace(tzinfo=asking.clock)).timestamp(), "")


def _path(node: Node) -> Node:
    found = next((one for one in node if one.name in _PATHS), None)
    if found is None:
        raise refusals.schema(f"The element '{node.name[:40]}' is incomplete.")
    if found.name == "FieldURI" and not items.is_searchable(found.attributes.get("FieldURI", "")):
        raise Refused("ErrorUnsupportedPathForQuery", "The property can not be used with this type of restriction.")
    return found


def _only_child(node: Node) -> Node:
    if len(node.children) != 1:
        raise refusals.schema(f"The element '{node.name[:40]}' is incomplete.")
    return node.children[0]
