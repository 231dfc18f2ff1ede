"""The portal's credentials at Microsoft in the environment: what is senseless about them, in sentences.

Up to two, each a secret or a certificate; the names of the second end in _2.
"""

from __future__ import annotations

import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from config.environment import Reader

SECRET, EXPIRES, CERTIFICATE = (
    "MICROSOFT_CLIENT_SECRET",
    "MICROSOFT_CLIENT_SECRET_EXPIRES",
    "MICROSOFT_CLIENT_CERTIFICATE",
)
_KNOWN = frozenset(f"{name}{suffix}" for name in (SECRET, EXPIRES, CERTIFICATE) for suffix in ("", "_2"))
_BLOCK = re.compile(r"(-----BEGIN ([A-Z ]+)-----.+?-----END \2-----)", re.DOTALL)


def certificate(read: Reader, name: str) -> str:
    """The path of a PEM file with a private key and its certificate."""
    path = read.file(name, default="")
    if path and Path(path).is_file() and (wrong := _what_is_wrong(Path(path))):
        read.problem(f"{name} names {path}, {wrong}.")
    return path


def check(read: Reader) -> None:
    """Together: how many, and whether each name has its fellows."""
    first, second = (_check_one(read, suffix) for suffix in ("", "_2"))
    if second and not first:
        read.problem(f"{second} is for a second credential: name the first one {second.removesuffix('_2')}.")
    elif not first:
        read.problem(f"Set either {SECRET} or {CERTIFICATE}, and not both.")
    if first and second and read.text(first) == read.text(second):
        read.problem(f"{second} is the same as {first}: give it a value of its own, or leave it out.")
    for name in sorted(set(read.env.ENVIRON) - _KNOWN):
        if name.startswith((SECRET, CERTIFICATE)) and read.text(name, default=""):
            read.problem(f"{name} is not known: two credentials are the most, and the names of the second end in _2.")


def _check_one(read: Reader, suffix: str) -> str:
    """The name of what is set."""
    secret, expires, path = (f"{name}{suffix}" for name in (SECRET, EXPIRES, CERTIFICATE))
    found = [name for name in (secret, path) if read.text(name, default="")]
    if len(found) > 1:
        read.problem(f"Set either {secret} or {path}, and not both.")
    if read.text(expires, default="") and secret not in found:
        read.problem(f"{expires} is set, but {secret} is not. When a certificate expires is read from its file.")
    return found[0] if found else ""


def _what_is_wrong(path: Path) -> str:
    """Nothing, where the file holds what is needed. Never a word of what it holds."""
    try:
        blocks = _BLOCK.findall(path.read_text())
        private = next((text for text, kind in blocks if kind.endswith("KEY")), "")
        public = next((text for text, kind in blocks if kind.endswith("CERTIFICATE")), "")
        if not private or not public:
            return "which must hold both a private key and its certificate, as PEM"
        key = serialization.load_pem_private_key(private.encode(), password=None)
        known = x509.load_pem_x509_certificate(public.encode()).public_key()
    except TypeError:
        return "whose private key has a password: it must have none"
    except (OSError, ValueError):
        return "which cannot be read as PEM"
    if not isinstance(key, RSAPrivateKey):
        return "whose private key is not RSA, as Microsoft asks for"
    return "" if key.public_key() == known else "whose certificate is not of its private key"
