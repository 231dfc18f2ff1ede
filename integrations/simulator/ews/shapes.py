"""Which properties of items or folders a request wants."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.simulator.ews import refusals
from integrations.simulator.ews.nodes import Node

BASES = ("IdOnly", "Default", "AllProperties")
BODIES = ("Best", "HTML", "Text")
_PREFIXES = (
    "item", "calendar", "message", "meeting", "meetingRequest", "folder", "contacts", "task", "postitem",
    "conversation", "distributionlist", "persona", "person",
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    base: str
    body: str
    """HTML, or Text."""
    fields: frozenset[str]
    """`calendar:Start` and the like, beside those of the base."""
    extended: tuple[Node, ...]
    """The `ExtendedFieldURI`s that are wanted."""


def read(operation: Node, tag: str) -> Shape:
    given = operation.find(tag)
    if given is None:
        raise refusals.schema(f"The element '{tag}' is missing.")
    base = given.value("BaseShape")
    body = given.value("BodyType") or "Best"
    if base not in BASES or body not in BODIES:
        raise refusals.schema(f"The '{tag}' element is invalid.")
    more = given.find("AdditionalProperties")
    paths = more.children if more else []
    fields = [_field(one) for one in paths if one.name in ("FieldURI", "IndexedFieldURI")]
    extended = tuple(one for one in paths if one.name == "ExtendedFieldURI")
    return Shape(base or "", "Text" if body == "Text" else "HTML", frozenset(fields), extended)


def whole(view: Node, name: str, usual: int, *, least: int) -> int:
    """A number among a view's attributes."""
    text = view.attributes.get(name)
    if text is None:
        return usual
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise refusals.schema(f"The '{name}' attribute is invalid - The value '{text[:20]}' is invalid.")
    return int(text)


def _field(given: Node) -> str:
    uri = given.attributes.get("FieldURI", "")
    prefix, _, name = uri.partition(":")
    if prefix not in _PREFIXES or not name:
        raise refusals.schema(f"The 'FieldURI' attribute is invalid - The value '{uri[:60]}' is invalid.")
    return uri
