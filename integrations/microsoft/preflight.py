"""Is the portal set up rightly for Microsoft? Each check in words: what was tried, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import requests
from django.conf import settings

from accounts.outbound import DeadlineExceeded
from integrations import credential_words
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome
from integrations.microsoft import app_credentials, http, identity
from integrations.microsoft.app_credentials import Credential

ANY_TENANT = ("organizations", "common", "consumers")


@dataclass(frozen=True)
class Check:
    """`passed` None: could not be tried, and `says` why."""

    name: str
    passed: bool | None
    says: str


def checks(*, tenant: str, now: datetime) -> Iterator[Check]:
    """`tenant`: the directory in which each credential is tried, a GUID or a domain."""
    yield from kinds(now=now)
    reached = sign_in(tenant)
    yield reached
    for at, credential in enumerate(app_credentials.of_environment()):
        name = f"Credential{_which(at)}"
        yield (
            _credential(name, credential, tenant)
            if reached.passed
            else Check(name, None, "Not tried, as sign-in was not reached.")
        )
    yield graph()


def kinds(*, now: datetime) -> Iterator[Check]:
    """What each credential is, and until when. Asks nobody."""
    for at, credential in enumerate(app_credentials.of_environment()):
        name = f"Kind of credential{_which(at)}"
        if not credential.is_certificate and credential_words.is_an_id(credential.value):
            yield Check(name, False, f"{credential.name} {credential_words.ID_PASTED}")
            continue
        kind = "A certificate" if credential.is_certificate else "A client secret"
        is_over = credential.expires_at is not None and credential.expires_at <= now
        yield Check(name, not is_over, f"{kind}, {credential.name}. {credential_words.until_when(credential, now=now)}")


def _which(at: int) -> str:
    return f" {at + 1}" if at else ""


def sign_in(tenant: str) -> Check:
    name = "Sign-in"
    url = f"{settings.MICROSOFT_AUTHORITY_HOST}/{tenant}/v2.0/.well-known/openid-configuration"
    try:
        response = http.session().get(url)
    except requests.RequestException as problem:
        return Check(name, False, f"{settings.MICROSOFT_AUTHORITY_HOST}: {_network(problem)}")
    body = http.json_of(response) or {}
    if response.status_code != requests.codes.ok or "token_endpoint" not in body:
        return Check(
            name,
            False,
            f"{settings.MICROSOFT_AUTHORITY_HOST} answered, but knows no directory “{tenant}”. "
            "Look at MICROSOFT_TENANT, or at --tenant.",
        )
    return Check(name, True, f"{settings.MICROSOFT_AUTHORITY_HOST} answers for “{tenant}”.")


def _credential(name: str, credential: Credential, tenant: str) -> Check:
    if tenant in ANY_TENANT:
        says = "Not tried: Microsoft tells only within one directory. Name yours: --tenant contoso.com"
        return Check(name, None, says)
    try:
        identity.prove_credential(tenant, credential)
    except CalendarError as problem:
        return Check(name, False, f"{credential.name}: {_refusal(problem.failure, tenant)}")
    accepts = f"Microsoft accepts application {settings.MICROSOFT_CLIENT_ID} with {credential.name} in “{tenant}”."
    return Check(name, True, accepts)


def graph() -> Check:
    """Asked without a token: a *no* in Graph's own words proves that it is Graph, and that we reach it."""
    name = "Graph"
    url = settings.MICROSOFT_GRAPH_URL
    try:
        response = http.session().get(f"{url}/me")
    except requests.RequestException as problem:
        return Check(name, False, f"{url}: {_network(problem)}")
    error = (http.json_of(response) or {}).get("error")
    if response.status_code == requests.codes.unauthorized and isinstance(error, dict) and "code" in error:
        return Check(name, True, f"{url} answers.")
    return Check(
        name,
        False,
        f"{url} answers with status {response.status_code} and not as Graph does. Look at MICROSOFT_GRAPH_URL: "
        "it ends in /v1.0.",
    )


def _network(problem: requests.RequestException) -> str:
    if isinstance(problem, requests.exceptions.SSLError):
        return (
            "its certificate is not trusted. Behind an inspecting proxy or with the simulator, set MICROSOFT_CA_BUNDLE "
            "to the file with its CA."
        )
    if isinstance(problem, DeadlineExceeded | requests.exceptions.Timeout):
        return "no answer in time. Is outgoing HTTPS allowed from this machine?"
    return "no connection. Is the name right, and outgoing HTTPS allowed from this machine?"


def _refusal(failure: Failure, tenant: str) -> str:
    not_known = (
        f"Application {settings.MICROSOFT_CLIENT_ID} is not known in “{tenant}”. Look at MICROSOFT_CLIENT_ID; an admin "
        "of that directory must have consented once."
    )
    known = {
        "AADSTS700016": not_known,
        "AADSTS7000229": not_known,
        "AADSTS7000112": f"The application is switched off in “{tenant}”. An admin there can enable it.",
        "AADSTS90002": f"There is no directory “{tenant}”.",
    }
    if says := credential_words.why_refused(failure.code) or known.get(failure.code):
        return f"{says} ({failure.code})"
    if failure.outcome in (Outcome.THROTTLED, Outcome.UNREACHABLE):
        return f"Microsoft gave no usable answer ({failure.code or 'no answer'}). Try again in a minute."
    return f"Microsoft refused: {failure.code}. Trace id {failure.trace_id or 'unknown'}."
