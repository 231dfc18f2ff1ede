"""The documents a client reads before anything else."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse

from integrations.simulator import place
from integrations.simulator.entra import answers, keys
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory, directory

# fmt: off
CLAIMS = (
    "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud",
    "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash",
    "email",
)
# fmt: on


def configuration(request: HttpRequest, segment: str) -> HttpResponse:
    try:
        found = directory(segment)
    except Refused as refused:
        return answers.refusal(request, refused)
    return _public(_configuration(found, request.get_host()))


def signing_keys(request: HttpRequest, segment: str) -> HttpResponse:
    try:
        found = directory(segment)
    except Refused as refused:
        return answers.refusal(request, refused)
    origin = place.here().machine_origin(request.get_host())
    return _public(keys.document(keys.current(), f"{origin}/{found.issuer_segment}/v2.0"))


def instance(request: HttpRequest) -> HttpResponse:
    """Which names are one and the same authority. Only this host is."""
    asked = urlsplit(request.GET.get("authorization_endpoint", ""))
    here = request.get_host()
    if asked.netloc != here:
        return JsonResponse(
            {
                "error": "invalid_instance",
                "error_description": "AADSTS50049: Unknown or invalid instance.",
                "error_codes": [50049],
                "error_uri": "https://login.microsoftonline.com/error?code=50049",
            },
            status=400,
        )
    segment = asked.path.strip("/").split("/")[0] or "common"
    origin = place.here().machine_origin(here)
    return _public(
        {
            "tenant_discovery_endpoint": f"{origin}/{segment}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": here, "preferred_cache": here, "aliases": [here]}],
        }
    )


def _configuration(found: Directory, authority: str) -> dict[str, Any]:
    here = place.here()
    origin, people = here.machine_origin(authority), here.human_origin(authority)
    base = f"{origin}/{found.segment}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
            "self_signed_tls_client_auth",
        ],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{origin}/{found.issuer_segment}/v2.0",
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{origin}/oidc/userinfo",
        "authorization_endpoint": f"{people}/{found.segment}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{people}/{found.segment}/oauth2/v2.0/logout",
        "claims_supported": CLAIMS,
        "kerberos_endpoint": f"{base}/kerberos",
        "mtls_endpoint_aliases": {"token_endpoint": f"{base}/oauth2/v2.0/token"},
        "tls_client_certificate_bound_access_tokens": True,
        "tenant_region_scope": "EU" if found.tenant else None,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": urlsplit(origin).netloc,
        "rbac_url": "https://pas.windows.net",
    }


def _public(document: dict[str, Any]) -> JsonResponse:
    answer = JsonResponse(document)
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cache-Control"] = "max-age=86400, private"
    return answer
