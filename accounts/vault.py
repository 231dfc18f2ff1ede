"""Secrets at rest: AES-256-GCM, the key's id in the ciphertext, bound to the row it belongs to.

`TOKEN_KEYS` holds several keys: the first encrypts, each can decrypt. A ciphertext that was moved to another
row, or another column, does not open.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db.models import Model

_VERSION = "v1"
FORM = f"{_VERSION}."  # how everything begins that was sealed
_NONCE_BYTES = 12  # random, 96 bits: NIST SP 800-38D allows 2^32 messages a key; rotate TOKEN_KEYS before that


class CannotOpen(Exception):
    """The ciphertext is damaged, of another row, or of a key that is not in TOKEN_KEYS."""


def place_of(row: Model, column: str) -> str:
    """The place of a column of a row: what is sealed for it opens nowhere else."""
    return f"{row._meta.db_table}:{column}:{row.pk}"


def first_key() -> str:
    """The id of the key that encrypts."""
    return next(iter(settings.TOKEN_KEYS))


def mark_of(key_id: str) -> str:
    """How everything begins that was sealed with a key."""
    return f"{_VERSION}.{key_id}."


def key_of(sealed: str) -> str:
    """The id of the key that sealed it; "" where it has another form."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == _VERSION else ""


def seal(secret: str, *, bound_to: str) -> str:
    """`bound_to` names the place: table, column and primary key."""
    key_id = first_key()
    key = settings.TOKEN_KEYS[key_id]
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, secret.encode(), bound_to.encode())
    return f"{mark_of(key_id)}{base64.urlsafe_b64encode(sealed).decode()}"


def open_sealed(sealed: str, *, bound_to: str) -> str:
    """Raises CannotOpen; never returns anything but what was sealed for this place."""
    version, _, rest = sealed.partition(".")
    key_id, _, encoded = rest.partition(".")
    key = settings.TOKEN_KEYS.get(key_id)
    if version != _VERSION or key is None:
        raise CannotOpen(f"No key {key_id!r} in TOKEN_KEYS for {bound_to}.")
    try:
        raw = base64.urlsafe_b64decode(encoded)
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode()).decode()
    except (InvalidTag, ValueError) as problem:
        raise CannotOpen(f"What is stored for {bound_to} cannot be opened.") from problem
