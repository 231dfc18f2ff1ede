"""Addresses of calendar and contacts integration."""

from __future__ import annotations

from django.urls import path

from integrations.views import callback, connection, diagnose, trials

urlpatterns = [
    path("profile/calendar/", connection.select_service, name="select_service"),
    path("profile/calendar/office-365/", connection.permissions, name="permissions"),
    path("profile/calendar/reconnect/", connection.reconnect, name="reconnect"),
    path("profile/calendar/status/", connection.connection_status, name="connection_status"),
    path("profile/calendar/delete/", connection.connection_delete, name="connection_delete"),
    path("account/connections/<int:pk>/", diagnose.connection_diagnose, name="connection_diagnose"),
    path("account/connections/<int:pk>/bundle.json", diagnose.connection_bundle, name="connection_bundle"),
    path("account/connections/<int:pk>/check/", diagnose.connection_check, name="connection_check"),
    path("account/connections/<int:pk>/remind/", diagnose.connection_remind, name="connection_remind"),
    path("account/connections/test/", trials.trial_begin, name="trial_begin"),
    path("account/connections/test/<uuid:pk>/", trials.trial, name="trial"),
    path("integrations/microsoft/callback/", callback.microsoft_callback, name="microsoft_callback"),
]
