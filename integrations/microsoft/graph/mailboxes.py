"""Where in Graph a mailbox is: that of whoever signed in, or somebody's, for an application that asks for itself."""

from __future__ import annotations

from urllib.parse import quote

OWN = "me"


def of(user: str) -> str:
    """Of an object id or a user principal name: a part of a path, whatever is in it."""
    return f"users/{quote(user, safe='@')}"
