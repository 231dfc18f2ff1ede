"""Finding the route of a path. Pure.

Names in paths are the same in any case, ids are not; `events('id')` is `events/id`; functions may be written
`delta`, `delta()`, `microsoft.graph.delta` or `microsoft.graph.delta()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.simulator.graph.replies import Reply

WITH_BODY = ("POST", "PATCH", "PUT")
_NAMESPACE = "microsoft.graph."
_KEYED = re.compile(r"([A-Za-z$][\w.$]*)\((.*)\)", re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_NAMED = re.compile(r"(\w+)='((?:[^']|'')*)'", re.DOTALL)


@dataclass(frozen=True)
class Route:
    """One row. A path that begins with `{mailbox}` stands for `me` and for `users/{id}`."""

    method: str
    path: str
    answer: Callable[..., Reply | dict[str, Any]]
    delegated: Sequence[str] = ()
    application: Sequence[str] = ()
    is_outlook: bool = True
    """Outlook's resources need a mailbox, and refuse in Outlook's words."""
    is_body_optional: bool = False
    """Actions may be called without a body."""
    is_open: bool = False
    """Needs no permission of its own: it checks each thing that it reaches."""
    for_admins: bool = False
    """A person needs to be an administrator, too, whatever the application may."""
    for_admins_of_others: bool = False
    """The same, but only for what is about another person."""
    for_members: bool = False
    """Guests may not look round in the directory."""

    @property
    def needs_body(self) -> bool:
        return self.method in WITH_BODY and not self.is_body_optional


@dataclass
class _Node:
    names: dict[str, _Node] = field(default_factory=dict)
    any_id: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)
    path: str = ""
    is_about_somebody: bool = False


@dataclass(frozen=True)
class Found:
    """`routes` by method, empty when there is no such path; `who` is the `{id|UPN}` of `users/…`, "" for `me`."""

    routes: Mapping[str, Route]
    ids: Sequence[str] = ()
    path: str = "unknown"
    who: str | None = None
    unknown_segment: str = ""


class Table:
    def __init__(self, rows: Iterable[Route]) -> None:
        self._root = _Node()
        self.rows = tuple(rows)
        for route in self.rows:
            for path in _spellings(route.path):
                self._add(route, path, is_about_somebody=route.path.startswith("{mailbox}"))

    def find(self, path: str) -> Found:
        segments = split(path)
        deepest = [0]
        fit = self._walk(self._root, segments, 0, (), deepest)
        if fit is None or not fit[0].routes:
            unknown = segments[min(deepest[0], len(segments) - 1)] if segments else ""
            return Found({}, unknown_segment=unknown)
        node, ids = fit
        if not node.is_about_somebody:
            return Found(node.routes, ids, node.path)
        if node.path.startswith("me"):
            return Found(node.routes, ids, node.path, who="")
        return Found(node.routes, ids[1:], node.path, who=ids[0])

    def _add(self, route: Route, path: str, *, is_about_somebody: bool) -> None:
        node = self._root
        for segment in path.split("/"):
            if segment == "{id}":
                node.any_id = node.any_id or _Node()
                node = node.any_id
            else:
                node = node.names.setdefault(segment.lower(), _Node())
        if route.method in node.routes:
            raise ValueError(f"{route.method} {path} is in the table twice")
        node.routes[route.method] = route
        node.path = path
        node.is_about_somebody = is_about_somebody

    def _walk(
        self, node: _Node, segments: Sequence[str], depth: int, ids: tuple[str, ...], deepest: list[int]
    ) -> tuple[_Node, tuple[str, ...]] | None:
        """A name that fits goes before an id that would; `deepest` tells where it went wrong."""
        deepest[0] = max(deepest[0], depth)
        if depth == len(segments):
            return (node, ids) if node.routes else None
        segment = segments[depth]
        named = node.names.get(segment.lower().removeprefix(_NAMESPACE))
        fit = self._walk(named, segments, depth + 1, ids, deepest) if named else None
        if fit is None and node.any_id is not None and not _is_reserved(segment):
            fit = self._walk(node.any_id, segments, depth + 1, (*ids, segment), deepest)
        return fit


def _is_reserved(segment: str) -> bool:
    """Words of OData's own that are never an id."""
    return segment.startswith("$") or segment.lower().removeprefix(_NAMESPACE) == "delta"


def split(path: str) -> list[str]:
    segments: list[str] = []
    for part in path.split("/"):
        keyed = _KEYED.fullmatch(part)
        if keyed is None:
            segments += [part] if part else []
            continue
        segments.append(keyed[1])
        segments += [_key(keyed[2])] if keyed[2].strip() else []
    if [segment.lower() for segment in segments[:2]] == ["users", "me-token-to-replace"]:
        # What the official SDKs call `me` before a rewriting step that not every client has.
        segments[:2] = ["me"]
    return segments


def _key(text: str) -> str:
    """`'id'` and `id='id'` are the id; another key keeps its name: `appId=…`."""
    text = text.strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return quoted[1].replace("''", "'")
    named = _NAMED.fullmatch(text)
    if named is None:
        return text
    value = named[2].replace("''", "'")
    return value if named[1].lower() in ("id", "userprincipalname") else f"{named[1]}={value}"


def _spellings(path: str) -> Sequence[str]:
    if not path.startswith("{mailbox}"):
        return (path,)
    rest = path.removeprefix("{mailbox}")
    return (f"me{rest}", f"users/{{id}}{rest}")
