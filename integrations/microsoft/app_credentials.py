"""With what the portal proves to Microsoft that it is itself: one or two, by the environment; and how Microsoft
answered each of them lately, in this process.

Here is memory only, so that asking costs nothing besides Microsoft. `integrations.credentials` writes it down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from django.conf import settings

from integrations.failures import Failure

SUFFIXES = ("", "_2")
_PEM_BLOCK = re.compile(r"(-----BEGIN ([A-Z ]+)-----.+?-----END \2-----)", re.DOTALL)


@dataclass(frozen=True)
class Credential:
    """`name`: of the variable it comes from. `fingerprint` names it without telling it."""

    name: str
    is_certificate: bool
    expires_at: datetime | None
    fingerprint: str
    # The secret; or the certificate's file as text, with its private key.
    value: str = field(repr=False)

    @property
    def expires_by(self) -> str:
        """The name of the variable that says when it expires; of a certificate the file does."""
        return self.name.replace("SECRET", "SECRET_EXPIRES")

    @property
    def for_msal(self) -> str | dict[str, str]:
        if not self.is_certificate:
            return self.value
        return {"private_key": _pem(self.value, "KEY"), "public_certificate": _pem(self.value, "CERTIFICATE")}


@dataclass
class Answers:
    """How Microsoft answered one credential, as far as this process knows."""

    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    failure: Failure | None = None
    # What was written down last, and when.
    told: bool | None = None
    told_at: datetime | None = None

    @property
    def is_refused(self) -> bool:
        return self.refused_at is not None and (self.accepted_at is None or self.refused_at > self.accepted_at)

    def is_news(self, *, now: datetime, after: timedelta) -> bool:
        """Has the answer changed since it was written down, or was that long ago?"""
        return self.told_at is None or self.told is not self.is_refused or now - self.told_at >= after

    def are_told(self, *, now: datetime) -> None:
        self.told, self.told_at = self.is_refused, now


_answers: dict[str, Answers] = {}


def of_environment() -> tuple[Credential, ...]:
    """The first, and the second where there is one."""
    return _read(
        tuple(
            (
                suffix,
                getattr(settings, f"MICROSOFT_CLIENT_SECRET{suffix}"),
                getattr(settings, f"MICROSOFT_CLIENT_SECRET_EXPIRES{suffix}"),
                getattr(settings, f"MICROSOFT_CLIENT_CERTIFICATE{suffix}"),
            )
            for suffix in SUFFIXES
        )
    )


def in_order() -> tuple[Credential, ...]:
    """As they are tried: one that Microsoft refused comes last."""
    found = of_environment()
    if len(found) > 1 and is_refused(found[0]) and not is_refused(found[1]):
        return found[::-1]
    return found


def is_refused(credential: Credential) -> bool:
    noted = _answers.get(credential.fingerprint)
    return noted is not None and noted.is_refused


def accepted(credential: Credential, *, now: datetime) -> None:
    _answers.setdefault(credential.fingerprint, Answers()).accepted_at = now


def refused(credential: Credential, failure: Failure, *, now: datetime) -> None:
    noted = _answers.setdefault(credential.fingerprint, Answers())
    noted.failure, noted.refused_at = failure, now


def answers_to(credential: Credential) -> Answers | None:
    return _answers.get(credential.fingerprint)


def forget() -> None:
    """As in a new process."""
    _answers.clear()
    _read.cache_clear()


@lru_cache(maxsize=4)
def _read(given: tuple[tuple[str, str, datetime | None, str], ...]) -> tuple[Credential, ...]:
    found = []
    for suffix, secret, expires_at, path in given:
        if secret:
            name = f"MICROSOFT_CLIENT_SECRET{suffix}"
            found.append(Credential(name, False, expires_at, _fingerprint(secret), secret))
        elif path:
            text = Path(path).read_text()
            name, ends = f"MICROSOFT_CLIENT_CERTIFICATE{suffix}", _not_after(text)
            found.append(Credential(name, True, ends, _fingerprint(text), text))
    return tuple(found)


def _fingerprint(value: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), value.encode(), hashlib.sha256).hexdigest()


def _not_after(pem: str) -> datetime:
    return x509.load_pem_x509_certificate(_pem(pem, "CERTIFICATE").encode()).not_valid_after_utc


def _pem(text: str, kind: str) -> str:
    return "\n".join(block for block, name in _PEM_BLOCK.findall(text) if name.endswith(kind))
