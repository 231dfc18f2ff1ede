"""The documents a client reads before anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse

from integrations.simulator import certificates, place
from integrations.simulator.control import seen
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
    return _of_directory(request, segment, lambda found: _configuration(found, request.get_host()))


def configuration_v1(request: HttpRequest, segment: str) -> HttpResponse:
    """Of the older endpoint: its issuer is the one that access tokens for Graph name."""
    return _of_directory(request, segment, lambda found: _configuration_v1(found, request.get_host()))


def signing_keys(request: HttpRequest, segment: str) -> HttpResponse:
    origin = place.here().machine_origin(request.get_host())
    return _of_directory(
        request, segment, lambda found: keys.document(keys.published(), f"{origin}/{found.issuer_segment}/v2.0")
    )


def signing_keys_v1(request: HttpRequest, segment: str) -> HttpResponse:
    """The same keys; whoever signs is another issuer."""
    return _of_directory(request, segment, lambda found: keys.document(keys.published(), _issuer_v1(found)))


def instance(request: HttpRequest, segment: str = "common") -> HttpResponse:
    """Which names are one and the same authority: those under which this simulator answers."""
    asked = urlsplit(request.GET.get("authorization_endpoint", ""))
    here = request.get_host()
    aliases = [here, *(name for name in _names_of(request) if name != here)]
    if "authorization_endpoint" not in request.GET:
        return answers.refusal(request, Refused(900144, parameter="authorization_endpoint"))
    authority = _with_port(asked.netloc.lower())
    if asked.scheme != "https" or authority not in aliases:
        return answers.refusal(request, Refused(50049))
    segment = asked.path.strip("/").split("/")[0] or "common"
    origin = f"https://{authority}"
    return _public(
        {
            "tenant_discovery_endpoint": f"{origin}/{segment}/v2.0/.well-known/openid-configuration",
            "api-version": request.GET.get("api-version", "1.1"),
            "metadata": [{"preferred_network": here, "preferred_cache": here, "aliases": aliases}],
        }
    )


def _with_port(authority: str) -> str:
    """msal for Python leaves the port out of the authority that it asks about."""
    return authority if ":" in authority.rpartition("]")[2] else f"{authority}:{place.here().https_port}"


def _names_of(request: HttpRequest) -> list[str]:
    """This machine port under each of the names that are answered."""
    port = place.here().https_port
    return [f"{name}:{port}" for name in (*certificates.DNS_NAMES, "127.0.0.1", "[::1]")]


def _of_directory(request: HttpRequest, segment: str, document: Callable[[Directory], dict[str, Any]]) -> HttpResponse:
    try:
        return _public(document(directory(segment)))
    except Refused as refused:
        seen.explain(request, why=refused.why, code=f"AADSTS{refused.code}")
        return answers.refusal(request, refused)


def _configuration(found: Directory, authority: str) -> dict[str, Any]:
    here = place.here()
    origin, people = here.machine_origin(authority), here.human_origin(authority)
    base = f"{origin}/{found.canonical}"
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
        "authorization_endpoint": f"{people}/{found.canonical}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{people}/{found.canonical}/oauth2/v2.0/logout",
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


def _configuration_v1(found: Directory, authority: str) -> dict[str, Any]:
    here = place.here()
    origin, people = here.machine_origin(authority), here.human_origin(authority)
    base = f"{origin}/{found.canonical}"
    return {
        "token_endpoint": f"{base}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{origin}/common/discovery/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
        "scopes_supported": ["openid"],
        "issuer": _issuer_v1(found),
        "microsoft_multi_refresh_token": True,
        "authorization_endpoint": f"{people}/{found.canonical}/oauth2/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{people}/{found.canonical}/oauth2/logout",
        "claims_supported": [name for name in CLAIMS if name != "preferred_username"],
        "check_session_iframe": f"{base}/oauth2/checksession",
        "userinfo_endpoint": f"{base}/openid/userinfo",
        "kerberos_endpoint": f"{base}/kerberos",
        "tenant_region_scope": "EU" if found.tenant else None,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": urlsplit(origin).netloc,
        "rbac_url": "https://pas.windows.net",
    }


def _issuer_v1(found: Directory) -> str:
    return f"https://sts.windows.net/{found.issuer_segment}/"


def _public(document: dict[str, Any]) -> JsonResponse:
    answer = JsonResponse(document, content_type=answers.CONTENT_TYPE)
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cache-Control"] = "max-age=86400, private"
    return answer
