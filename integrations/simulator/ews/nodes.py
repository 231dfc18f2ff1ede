"""XML as it comes in: a small tree, read without document types, entities or anything from elsewhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

DEEPEST = 60
MOST_NODES = 100_000
_ENCODING = re.compile(rb'^[\s\xef\xbb\xbf]*<\?xml[^>]*encoding\s*=\s*["\']([A-Za-z0-9._-]+)["\']')
_ENCODINGS = ("utf-8", "us-ascii", "utf-16", "iso-8859-1")


class Unreadable(Exception):
    """No well-formed XML, or XML that nobody reads from strangers. The sentence says why."""


@dataclass
class Node:
    space: str
    name: str
    attributes: Mapping[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def __iter__(self) -> Iterator[Node]:
        return iter(self.children)

    def find(self, *names: str) -> Node | None:
        """By a path of local names: the one namespace that matters was checked at the top."""
        node: Node | None = self
        for name in names:
            node = next((one for one in node.children if one.name == name), None) if node else None
        return node

    def all(self, *names: str) -> list[Node]:
        """All of the last name, below the first nodes of the others."""
        node = self.find(*names[:-1])
        return [one for one in node.children if one.name == names[-1]] if node else []

    def value(self, *names: str) -> str | None:
        """The text at the path, without space around it; None where there is no such node."""
        node = self.find(*names)
        return node.text.strip() if node else None


def parse(content: bytes) -> Node:
    declared = _ENCODING.match(content)
    if declared and declared[1].decode().lower() not in _ENCODINGS:
        raise Unreadable("The encoding that is declared is not one that Exchange takes.")
    tree = _Tree()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Unreadable(f"It is no well-formed XML (line {error.lineno}).") from None
    if tree.root is None:
        raise Unreadable("It is no XML.")
    return tree.root


class _Tree:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST or self._count > MOST_NODES:
            raise Unreadable("It is nested too deep, or has too many elements.")
        space, _, name = tag.rpartition(" ")
        node = Node(space, name, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, _: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text


def _refuse_doctype(*_: object) -> None:
    raise Unreadable("A document type is not allowed.")


def _refuse_entity(*_: object) -> None:
    raise Unreadable("Entities are not allowed.")
