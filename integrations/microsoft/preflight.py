"""Is the portal set up rightly for Microsoft? Each check in words: what was tried, and what to do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from django.conf import settings

from accounts.outbound import DeadlineExceeded
from integrations.contracts import CalendarError
from integrations.failures import Failure, Outcome
from integrations.microsoft import http, identity

ANY_TENANT = ("organizations", "common", "consumers")


@dataclass(frozen=True)
class Check:
    """`passed` None: could not be tried, and `says` why."""

    name: str
    passed: bool | None
    says: str


def checks(*, tenant: str) -> Iterator[Check]:
    """`tenant`: the directory in which the credential is tried, a GUID or a domain."""
    yield _secret_is_no_id()
    discovery = _discovery(tenant)
    yield discovery
    yield (
        _credential(tenant) if discovery.passed else Check("Credential", None, "Not tried, as sign-in was not reached.")
    )
    yield _graph()


def _secret_is_no_id() -> Check:
    name = "Kind of credential"
    if settings.MICROSOFT_CLIENT_CERTIFICATE:
        return Check(name, True, "A certificate.")
    try:
        uuid.UUID(settings.MICROSOFT_CLIENT_SECRET)
    except ValueError:
        return Check(name, True, "A client secret.")
    return Check(
        name,
        False,
        "MICROSOFT_CLIENT_SECRET looks like the secret’s ID. Entra shows two columns: copy the one named Value "
        "(it is shown only once; make a new secret if it is gone).",
    )


def _discovery(tenant: str) -> Check:
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


def _credential(tenant: str) -> Check:
    name = "Credential"
    if tenant in ANY_TENANT:
        says = "Not tried: Microsoft tells only within one directory. Name yours: --tenant contoso.com"
        return Check(name, None, says)
    try:
        identity.prove_credential(tenant)
    except CalendarError as problem:
        return Check(name, False, _refusal(problem.failure, tenant))
    return Check(name, True, f"Microsoft accepts application {settings.MICROSOFT_CLIENT_ID} in “{tenant}”.")


def _graph() -> Check:
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
    known = {
        "AADSTS7000215": "The client secret is wrong. Copy the secret’s Value from Entra, not its ID.",
        "AADSTS7000222": "The client secret has expired. Make a new one in Entra and set MICROSOFT_CLIENT_SECRET.",
        "AADSTS700027": "The certificate is not registered for this application, or has expired.",
        "AADSTS700016": (
            f"Application {settings.MICROSOFT_CLIENT_ID} is not known in “{tenant}”. Look at MICROSOFT_CLIENT_ID; an "
            "admin of that directory must have consented once."
        ),
        "AADSTS7000112": f"The application is switched off in “{tenant}”. An admin there can enable it.",
        "AADSTS90002": f"There is no directory “{tenant}”.",
    }
    if failure.code in known:
        return f"{known[failure.code]} ({failure.code})"
    if failure.outcome in (Outcome.THROTTLED, Outcome.UNREACHABLE):
        return f"Microsoft gave no usable answer ({failure.code or 'no answer'}). Try again in a minute."
    return f"Microsoft refused: {failure.code}. Trace id {failure.trace_id or 'unknown'}."
