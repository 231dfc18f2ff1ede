"""What one permission of a resource is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    guid: str
    title: str
    sentence: str
    """In the words of the consent page; of an application permission: what it lets the application do on its own."""
    is_for_admins: bool = False
