"""exchangelib, with its manners taken off: it signs in nowhere, waits for nothing, retries nothing, remembers nothing
and logs nothing. What is left are its words: operations put into SOAP, and answers read out of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

from django.utils import timezone
from exchangelib import UTC as EWS_UTC
from exchangelib.account import Identity
from exchangelib.configuration import Configuration
from exchangelib.credentials import DELEGATE, IMPERSONATION
from exchangelib.errors import EWSError, ResponseMessageError
from exchangelib.protocol import BaseProtocol, FailFast
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2016, Build, Version

from accounts import outbound
from integrations import ews_failures
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.microsoft.ews import autodiscover
from integrations.microsoft.ews.doors import Door
from integrations.microsoft.ews.wire import Wire

PROBE = timedelta(seconds=15)
READ = timedelta(seconds=45)

# Its lines hold whole requests and answers.
logging.getLogger("exchangelib").setLevel(logging.CRITICAL)

# exchangelib, reading what is no answer of Exchange's.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, LookupError, SyntaxError)
_BROKEN = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="unreadable answer")


class _Protocol(BaseProtocol):  # type: ignore[misc]  # without types
    """Not exchangelib's `Protocol`, which is kept for ever, in one place for everybody."""

    def __init__(self, config: Configuration, wire: Wire) -> None:
        super().__init__(config)
        self._wire = wire

    @property
    def version(self) -> Version:
        return self.config.version

    def get_auth_type(self) -> str:
        return str(NOAUTH)

    def create_session(self) -> Wire:
        return self._wire


class Mailbox:
    """A mailbox that is asked: what exchangelib's services read of an account."""

    affinity_cookie = None
    default_timezone = EWS_UTC

    def __init__(self, door: Door) -> None:
        self.door = door
        self.wire = Wire(door)
        first = _version(door.build)
        config = Configuration(service_endpoint=door.address, auth_type=NOAUTH, version=first, retry_policy=FailFast())
        self.protocol = _Protocol(config, self.wire)
        self.identity = Identity(smtp_address=door.impersonated or None)
        self.access_type = IMPERSONATION if door.impersonated else DELEGATE
        self._first, self.version = first, first.copy()

    @property
    def primary_smtp_address(self) -> str:
        """Where the front end is told to look (X-AnchorMailbox)."""
        return self.door.about

    @property
    def build(self) -> str:
        """As the server has named itself; "" before it has."""
        for version in (self.version, self.protocol.config.version):
            if version is not self._first and version.build != self._first.build:
                return str(version.build)
        return self.door.build


@contextmanager
def opened(door: Door, *, total: timedelta, about: str = "") -> Iterator[Mailbox]:
    """All that is asked inside takes no longer than `total`, and raises `CalendarError` and nothing else.

    `about`: whose mailbox it is, where the door does not say.
    """
    mailbox = Mailbox(door)
    failure = None
    with outbound.deadline(total):
        try:
            yield mailbox
        except CalendarError as problem:
            failure = problem.failure
        except EWSError as problem:
            failure = _of(problem, mailbox)
        except _UNREADABLE:
            failure = _BROKEN
        finally:
            mailbox.wire.close()
        if failure is not None:
            _fail(failure, door, about)


def code_of(problem: EWSError, mailbox: Mailbox) -> str:
    """exchangelib has a class for each response code. What it has no class for, and what it says of itself after it
    tried every version of the language, is looked for in the answer."""
    name = type(problem).__name__ if isinstance(problem, ResponseMessageError) else ""
    said = mailbox.wire.last.body
    return name if name and name.encode() in said else ews_failures.code_in(said) or name


def _of(problem: EWSError, mailbox: Mailbox) -> Failure:
    answer = replace(mailbox.wire.last, code=code_of(problem, mailbox))
    if not answer.code:
        return _BROKEN
    return ews_failures.of_ews(answer, now=timezone.now())


def _fail(failure: Failure, door: Door, about: str) -> NoReturn:
    """With the likeliest reason why a server of the organization's own has no such mailbox."""
    address = door.about or about
    may_have_moved = failure.reason is Reason.NO_MAILBOX and not door.is_microsofts and address
    if may_have_moved and autodiscover.is_in_cloud(door.address, address):
        failure = replace(failure, reason=Reason.MOVED_TO_CLOUD)
    # Whatever is being handled is exchangelib's, and its text is not for ours.
    raise http.error_of(failure) from None


def _version(build: str) -> Version:
    """As the server named itself before; else a middle one: what a server says of itself counts from its first
    answer on."""
    try:
        return Version(Build(*map(int, build.split("."))))
    except (ValueError, TypeError):
        return Version(EXCHANGE_2016)
