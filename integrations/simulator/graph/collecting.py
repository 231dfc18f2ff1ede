"""Collections of the directory: `$filter`, `$search`, `$orderby`, `$count` and pages, with the directory's own rules.

What it calls advanced queries works only with the header `ConsistencyLevel: eventual` and `$count=true`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Q, QuerySet

from integrations.simulator.graph import directory_errors, errors, filtering, odata
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.errors import Refused
from integrations.simulator.graph.filtering import Columns
from integrations.simulator.graph.matching import matches

DEFAULT = 100
MOST = 999
_SALT = "directory.page"
# What the directory calls operators that need an advanced query.
_ADVANCED = {"ne": "NotEqualsMatch", "endswith": "EndsWithMatch", "not": "Not"}


@dataclass(frozen=True)
class Kind:
    """A type of the directory, and what may be asked of a collection of it."""

    type_name: str
    """As in `microsoft.graph.user`."""
    context: str
    """What stands after `$metadata#`."""
    properties: Sequence[str]
    columns: Columns = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    """Columns to sort by, by property in lower case."""
    searched: Mapping[str, str] = field(default_factory=dict)
    """Columns to search, by property in lower case."""


def page(
    asking: Asking, rows: QuerySet[Any], kind: Kind, show: Callable[[Any], dict[str, Any]], names: Sequence[str] | None
) -> dict[str, Any]:
    """One page. `show` gives all properties of a row, `names` those to show when nothing is selected."""
    _check_options(asking)
    selected = asking.selected(kind.properties, kind.type_name) or names
    found = narrowed(asking, rows, kind)
    return _page(asking, kind, found, found.count, lambda row: _chosen(show(row), selected))


def page_of(asking: Asking, items: Sequence[Mapping[str, Any]], kind: Kind) -> dict[str, Any]:
    """The same for a collection that is in no table of its own, and small."""
    _check_options(asking)
    selected = asking.selected(kind.properties, kind.type_name)
    if "$search" in asking.options:
        raise errors.not_simulated("$search")
    text = asking.options.get("$filter", "").strip()
    if text:
        _check_operators(text, advanced=is_advanced(asking))
        condition = odata.parse(text)
        items = [item for item in items if matches(condition, item)]
    for one in reversed(odata.parse_order(asking.options["$orderby"]) if "$orderby" in asking.options else ()):
        if one.path.lower() not in kind.orders:
            raise directory_errors.unsupported_query("Sorting not supported for current query.")
        name = kind.orders[one.path.lower()]
        items = sorted(items, key=lambda item: str(item[name]).casefold(), reverse=one.is_descending)
    return _page(asking, kind, items, lambda: len(items), lambda item: _chosen(item, selected))


def _page(
    asking: Asking,
    kind: Kind,
    rows: QuerySet[Any] | Sequence[Any],
    counted: Callable[[], int],
    show: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    skip, size = _skip(asking), _size(asking)
    chunk = list(rows[skip : skip + size + 1])
    answer: dict[str, Any] = {"@odata.context": context(asking, kind)}
    if is_advanced(asking) and skip == 0:
        answer["@odata.count"] = counted()
    if len(chunk) > size:
        answer["@odata.nextLink"] = _next_link(asking, skip + size)
    answer["value"] = [show(row) for row in chunk[:size]]
    return answer


def entity(
    asking: Asking, kind: Kind, everything: Mapping[str, Any], names: Sequence[str] | None = None
) -> dict[str, Any]:
    """One of them, on its own."""
    _check_options(asking, ("$select",))
    selected = asking.selected(kind.properties, kind.type_name) or names
    return {"@odata.context": f"{context(asking, kind)}/$entity", **_chosen(everything, selected)}


def context(asking: Asking, kind: Kind) -> str:
    selected = asking.selected(kind.properties, kind.type_name)
    chosen = f"({','.join(selected)})" if selected else ""
    return f"{asking.base}/$metadata#{kind.context}{chosen}"


def count(asking: Asking, rows: QuerySet[Any], kind: Kind) -> int:
    """`…/$count`."""
    if not asking.is_eventual:
        raise Refused(400, "Request_BadRequest", "$count is not currently supported.").because(
            "The directory counts only with “ConsistencyLevel: eventual”."
        )
    return narrowed(asking, rows, kind, is_advanced_anyway=True).count()


def is_advanced(asking: Asking) -> bool:
    return asking.is_eventual and asking.flag("$count")


def narrowed(asking: Asking, rows: QuerySet[Any], kind: Kind, *, is_advanced_anyway: bool = False) -> QuerySet[Any]:
    advanced = is_advanced_anyway or is_advanced(asking)
    text = asking.options.get("$filter", "").strip()
    if text:
        _check_operators(text, advanced=advanced)
        rows = rows.filter(
            filtering.q_of(text, kind.columns, known=kind.properties, unsupported=_unsupported(kind.type_name))
        )
    if "$search" in asking.options:
        rows = rows.filter(_searched(asking, kind))
    return rows.order_by(*_order(asking, kind, advanced=advanced))


def _check_options(asking: Asking, supported: Collection[str] = ()) -> None:
    if "$skip" in asking.options:
        raise Refused(400, "Request_BadRequest", "'$skip' is not supported by the service.")
    many = ("$select", "$filter", "$orderby", "$top", "$count", "$search", "$skiptoken")
    asking.check_options(supported or many)


def _unsupported(type_name: str) -> Callable[[str, str], Refused]:
    resource = type_name[:1].upper() + type_name[1:]

    def refused(name: str, _: str) -> Refused:
        return directory_errors.unsupported_filter(name, resource)

    return refused


def _check_operators(text: str, *, advanced: bool) -> None:
    """Some operators are for advanced queries only."""
    if advanced:
        return
    for name in _operators(odata.parse(text)):
        if name in _ADVANCED:
            raise directory_errors.unsupported_operator(_ADVANCED[name]).because(
                f"“{name}” needs “ConsistencyLevel: eventual” and $count=true."
            )


def _operators(condition: object) -> Sequence[str]:
    match condition:
        case odata.Both(left, right) | odata.Either(left, right):
            return [*_operators(left), *_operators(right)]
        case odata.Not(inner):
            return ["not", *_operators(inner)]
        case odata.Compare(operator, _, _):
            return [operator]
        case odata.Call(name, _):
            return [name]
        case odata.Lambda(_, _, _, inner):
            return _operators(inner)
    return []


def _searched(asking: Asking, kind: Kind) -> Q:
    """`"displayName:ali" AND "mail:bob"`: words that begin like this."""
    if not asking.is_eventual:
        raise directory_errors.unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    q = Q()
    connector = "AND"
    for index, part in enumerate(_clauses(asking.options["$search"])):
        if index % 2:
            connector = part.upper()
            if connector not in ("AND", "OR"):
                raise errors.bad_option("$search", asking.options["$search"])
            continue
        clause = _clause(part, asking, kind)
        q = q & clause if connector == "AND" else q | clause
    return q


def _clauses(text: str) -> Sequence[str]:
    """Quoted clauses and the words between them, turn by turn."""
    pieces = [piece.strip() for piece in text.split('"')]
    if len(pieces) < 3 or len(pieces) % 2 == 0 or pieces[0] or pieces[-1]:
        raise errors.bad_option("$search", text)
    return pieces[1:-1]


def _clause(part: str, asking: Asking, kind: Kind) -> Q:
    name, colon, word = part.partition(":")
    column = kind.searched.get(name.strip().lower())
    if not colon or column is None or not word.strip():
        raise errors.bad_option("$search", asking.options["$search"])
    word = word.strip()
    return Q(**{f"{column}__istartswith": word}) | Q(**{f"{column}__icontains": f" {word}"})


def _order(asking: Asking, kind: Kind, *, advanced: bool) -> list[str]:
    text = asking.options.get("$orderby", "").strip()
    if not text:
        return ["pk"]
    if not advanced and ("$filter" in asking.options or "$search" in asking.options):
        raise directory_errors.unsupported_query("Sorting not supported for current query.")
    order = []
    for one in odata.parse_order(text):
        column = kind.orders.get(one.path.lower())
        if column is None:
            raise directory_errors.unsupported_query("Sorting not supported for current query.")
        order.append(f"-{column}" if one.is_descending else column)
    return [*order, "pk"]


def _size(asking: Asking) -> int:
    text = asking.options.get("$top")
    if text is None:
        return min(asking.prefer.page_size or DEFAULT, MOST)
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= MOST:
        raise Refused(
            400,
            "Request_BadRequest",
            f"Invalid page size specified: '{text[:20]}'. Must be between 1 and {MOST} inclusive.",
        )
    return int(text)


def _skip(asking: Asking) -> int:
    """Sealed, and good for this very question only."""
    token = asking.options.get("$skiptoken")
    if token is None:
        return 0
    try:
        skip, print_ = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        skip, print_ = 0, ""
    if print_ != _print(asking):
        raise (
            Refused(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be included in your request.",
            )
            .because("The $skiptoken was not issued for this question since the simulator started.")
            .remarking("Invented or changed a nextLink. It is opaque: use it as it came.")
        )
    return int(skip)


def _next_link(asking: Asking, skip: int) -> str:
    token = signing.dumps([skip, _print(asking)], salt=_SALT)
    options = {**asking.options, "$skiptoken": token}
    return f"{asking.base}/{asking.path}?{urlencode(options, safe='$')}"


def _print(asking: Asking) -> str:
    options = sorted((name, value) for name, value in asking.options.items() if name != "$skiptoken")
    text = repr((asking.caller.tenant.pk, asking.path.lower(), options, asking.is_eventual))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _chosen(everything: Mapping[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    return dict(everything) if names is None else {name: everything[name] for name in names}
