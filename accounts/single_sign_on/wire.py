"""Asks an identity provider: by TLS, in time, not too much, no redirect, and never into our own network.

What goes wrong is said exactly, for the admin; no body of an answer is repeated, since it may hold a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from urllib3.exceptions import NameResolutionError

from accounts import own_servers
from accounts.outbound import DeadlineExceeded, HostNotAllowed, Session
from accounts.public_web import NotPublic
from accounts.single_sign_on.causes import Cause, Refused

TOTAL = timedelta(seconds=5)
LARGEST = 1024 * 1024  # bytes of one answer


def session() -> Session:
    return own_servers.session(
        ports=settings.SINGLE_SIGN_ON_PORTS, total=TOTAL, roots=settings.SINGLE_SIGN_ON_CA_BUNDLE
    )


def get(url: str, *, what: str, token: str = "") -> dict[str, Any]:
    """The JSON object there. `what` names it in what is said when there is none. Raises Refused."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with trouble(what, url), session() as asked:
        answer = asked.get(url, headers=headers)
    must_be_fine(answer, what=what)
    return json_of(answer, what=what)


def must_be_fine(answer: requests.Response, *, what: str) -> None:
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Refused(Cause.PROVIDER_DOWN, f"{what}: the provider answered with status {answer.status_code}.")
    if 300 <= answer.status_code < 400:
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{what}: the provider redirects elsewhere, which is not followed.")
    if answer.status_code != 200:
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{what}: the provider answered with status {answer.status_code}.")


def json_of(answer: requests.Response, *, what: str) -> dict[str, Any]:
    """Raises Refused where it is none, or too large."""
    if len(answer.content) > LARGEST:
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{what}: the answer is larger than {LARGEST} bytes.")
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()[:60] or "no type"
    raise Refused(Cause.PROVIDER_MISTAKEN, f"{what}: the answer is no JSON object, but says that it is {kind}.")


@contextmanager
def trouble(what: str, url: str) -> Iterator[None]:
    """Whatever keeps the provider from being asked, as Refused."""
    where = urlsplit(url).netloc
    try:
        yield
    except DeadlineExceeded as problem:
        raise _down(what, f"{where} gave no complete answer within {TOTAL.total_seconds():.0f} seconds") from problem
    except HostNotAllowed as problem:
        says = f"{where} is not an address that this portal may ask: https, and a port that the operator has allowed"
        raise _down(what, says) from problem
    except NotPublic as problem:
        says = f"{where} leads to {problem}, which is not on the public Internet"
        raise _down(what, says) from problem
    except own_servers.TooLarge as problem:
        raise Refused(Cause.PROVIDER_MISTAKEN, f"{what}: the answer is far too large.") from problem
    except requests.exceptions.SSLError as problem:
        raise _down(what, f"{where} shows no certificate that is trusted here: {_certificate(problem)}") from problem
    except requests.exceptions.RequestException as problem:
        raise _down(what, _unreached(where, problem)) from problem


def _down(what: str, says: str) -> Refused:
    return Refused(Cause.PROVIDER_DOWN, f"{what}: {says}.")


def _unreached(where: str, problem: Exception) -> str:
    for each in _behind(problem):
        if isinstance(each, NameResolutionError):
            return f"the DNS has no address for {where}"
        if isinstance(each, ConnectionRefusedError):
            return f"{where} refused the connection"
    if isinstance(problem, requests.exceptions.ConnectTimeout):
        return f"no connection to {where} in time"
    return f"{where} broke the connection, or gave no sensible answer"


def _certificate(problem: Exception) -> str:
    for each in _behind(problem):
        if said := getattr(each, "verify_message", ""):
            return str(said)
    return "it speaks no TLS that can be trusted"


def _behind(problem: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it, also where urllib3 keeps it as `reason` or as an argument."""
    seen: set[int] = set()
    left = [problem]
    while left:
        each = left.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += [each.__cause__, each.__context__, getattr(each, "reason", None)]
            left += [one for one in each.args if isinstance(one, BaseException)]
