"""Tenants of Microsoft 365: whose a domain is, and where an administrator consents for all of one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from django.conf import settings

from accounts.domain_names import NotADomain, normal
from integrations.contracts import Unreachable
from integrations.failures import NO_ANSWER
from integrations.microsoft import http

# Names in place of a tenant that stand for many (Microsoft's own words).
MANY = frozenset({"organizations", "common", "consumers"})
# Microsoft's tenant of everybody's private accounts: nobody is its administrator.
_PRIVATE_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
_IN_ISSUER = re.compile(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/", re.IGNORECASE)
# With these Microsoft says that it knows no tenant of that name.
_NO_SUCH = frozenset({requests.codes.bad_request, requests.codes.not_found})
_OIDC = ("openid", "profile", "offline_access")


def tenant_of(domain: str) -> str:
    """The id of the tenant whose verified domain it is; "" where Microsoft knows none. Raises Unreachable.

    Where the application is registered for one organization alone, all are of that one.
    """
    name = domain if settings.MICROSOFT_TENANT in MANY else settings.MICROSOFT_TENANT
    if name == domain and not _may_be_asked_about(domain):
        return ""
    status, document = _discovery(name)
    if status in _NO_SUCH and "error" in document:
        return ""
    found = _IN_ISSUER.search(str(document.get("issuer", "")))
    if status != requests.codes.ok or found is None:
        raise Unreachable(NO_ANSWER)
    tenant = found[1].lower()
    return "" if tenant == _PRIVATE_ACCOUNTS else tenant


def consent_address(tenant_id: str, *, scopes: Iterable[str], redirect_uri: str, state: str) -> str:
    """Where an administrator consents to delegated permissions for everybody in the tenant. Raises Unreachable."""
    return _admin_consent(tenant_id, [*_OIDC, *scopes], redirect_uri=redirect_uri, state=state)


def application_consent_address(tenant_id: str, *, resource: str, redirect_uri: str, state: str) -> str:
    """Where an administrator consents to the application permissions that the application is registered with at
    `resource`: all of them, for Microsoft knows no smaller set. Raises Unreachable."""
    return _admin_consent(tenant_id, [f"{resource}/.default"], redirect_uri=redirect_uri, state=state)


def _admin_consent(tenant_id: str, scopes: Iterable[str], *, redirect_uri: str, state: str) -> str:
    query = {
        "client_id": settings.MICROSOFT_CLIENT_ID,
        "scope": " ".join(scopes),
        "redirect_uri": redirect_uri,
        "state": state,
    }
    origin = _origin_for_people(settings.MICROSOFT_AUTHORITY_HOST, settings.MICROSOFT_TENANT)
    return f"{origin}/{tenant_id}/v2.0/adminconsent?{urlencode(query, quote_via=quote)}"


@cache
def _origin_for_people(authority: str, tenant: str) -> str:
    """Where Microsoft's pages are, which is its own to say. Asked once by a process."""
    _, document = _discovery(tenant)
    parts = urlsplit(str(document.get("authorization_endpoint", "")))
    if not (parts.scheme and parts.netloc):
        raise Unreachable(NO_ANSWER)
    return f"{parts.scheme}://{parts.netloc}"


def _may_be_asked_about(domain: str) -> bool:
    """It becomes a part of an address: nothing but a whole domain does."""
    try:
        return normal(domain) == domain
    except NotADomain:
        return False


def _discovery(name: str) -> tuple[int, dict[str, Any]]:
    url = f"{settings.MICROSOFT_AUTHORITY_HOST}/{name}/v2.0/.well-known/openid-configuration"
    try:
        response = http.session().get(url)
    except requests.RequestException as problem:
        raise Unreachable(NO_ANSWER) from problem
    return response.status_code, http.json_of(response) or {}
