"""HTTPS, for machines: discovery, tokens, Graph and Exchange Web Services."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator import place
from integrations.simulator.entra import discovery, token
from integrations.simulator.entra.saml import metadata
from integrations.simulator.ews import urls as ews_urls
from integrations.simulator.graph import door
from integrations.simulator.urls import healthz


@csrf_exempt
def to_people(request: HttpRequest, **_: str) -> HttpResponse:
    """Who builds the authorize address from the authority's host is sent to where the pages are."""
    there = place.here().human_origin(request.get_host()) + request.get_full_path()
    return HttpResponseRedirect(there, preserve_request=request.method == "POST")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return JsonResponse({"error": "not_found", "error_description": "Nothing is simulated at this path."}, status=404)


urlpatterns = [
    path("healthz", healthz),
    path("<str:segment>/v2.0/.well-known/openid-configuration", discovery.configuration),
    path("<str:segment>/discovery/instance", discovery.instance),
    path("<str:segment>/discovery/v2.0/keys", discovery.signing_keys),
    path("<str:segment>/.well-known/openid-configuration", discovery.configuration_v1),
    path("<str:segment>/discovery/keys", discovery.signing_keys_v1),
    path("<str:segment>/oauth2/v2.0/token", token.token),
    path("<str:segment>/oauth2/v2.0/authorize", to_people),
    path("<str:segment>/oauth2/v2.0/logout", to_people),
    path("<str:segment>/saml2", to_people),
    path("<str:segment>/federationmetadata/2007-06/federationmetadata.xml", metadata.federation_metadata),
    re_path(r"^(?P<segment>[^/]+)/(?:v2\.0/)?admin[cC]onsent$", to_people),
    path("oidc/userinfo", door.userinfo),
    path("", include(ews_urls)),
    re_path(r"^(?P<version>v1\.0|beta|v2\.0)(?:/(?P<path>.*))?$", door.graph),
]
handler404 = "integrations.simulator.machine_urls.not_found"
