"""HTTP's basic authentication (RFC 7617). Pure."""

from __future__ import annotations

import base64
import binascii


def read(encoded: str) -> tuple[str, str]:
    """User name and password; both empty where it is none."""
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (name, password) if colon else ("", "")
