"""Addresses of calendar and contacts integration."""

from __future__ import annotations

from django.urls import path

from integrations.views import callback, connection

urlpatterns = [
    path("profile/calendar/", connection.select_service, name="select_service"),
    path("profile/calendar/office-365/", connection.permissions, name="permissions"),
    path("profile/calendar/reconnect/", connection.reconnect, name="reconnect"),
    path("profile/calendar/status/", connection.connection_status, name="connection_status"),
    path("profile/calendar/delete/", connection.connection_delete, name="connection_delete"),
    path("integrations/microsoft/callback/", callback.microsoft_callback, name="microsoft_callback"),
]
