"""HTTPS of the Exchange Server on-premises: Exchange Web Services, and the way to them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from integrations.simulator.ews import urls as ews_urls
from integrations.simulator.urls import healthz


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """As the web server in front of Exchange says it: in HTML."""
    return HttpResponse("<h2>404 - File or directory not found.</h2>", content_type="text/html", status=404)


urlpatterns = [
    path("healthz", healthz),
    path("", include(ews_urls)),
]
handler404 = "integrations.simulator.exchange_urls.not_found"
