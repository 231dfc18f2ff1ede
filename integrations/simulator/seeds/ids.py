"""Ids as long and as opaque as Outlook's, and the same after every reset: scripts of a training keep working."""

from __future__ import annotations

import base64
import hashlib


def graph_id(*parts: object) -> str:
    seed = "|".join(str(part) for part in parts).encode()
    raw = hashlib.sha512(seed).digest() + hashlib.sha512(seed + b"+").digest()[:47]
    return "AAMkAD" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def change_key(*parts: object) -> str:
    return base64.b64encode(hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()[:22]).decode()


def ical_uid(*parts: object) -> str:
    """Shared by all copies of a meeting."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()
    return "040000008200E00074C5B7101A82E008" + digest.upper()
