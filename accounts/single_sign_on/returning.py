"""Where somebody goes on to after signing in: only to a page of ours."""

from __future__ import annotations

from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def ours(wish: str) -> str:
    """The path that was wished for, or the first page. What a browser might read as another site is none: two slashes,
    backslashes, control characters."""
    is_path = wish.startswith("/") and wish.isprintable() and "\\" not in wish
    return wish if is_path and url_has_allowed_host_and_scheme(wish, None) else resolve_url("home")
