"""Every address of the portal: one include per floor."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from config import health, mailbox, operations

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="meetings"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("operations/", operations.operations, name="operations"),
    path("operations/check/", operations.operations_check, name="operations_check"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<str:letter>/", mailbox.mailbox_letter, name="mailbox_letter"),
    path("", include("accounts.urls")),
    path("auth/", include("allauth.account.urls")),
    path("", include("integrations.urls")),
    path("", include("calendaring.urls")),
]

handler400 = "accounts.views.errors.bad_request"
handler500 = "accounts.views.errors.server_error"
