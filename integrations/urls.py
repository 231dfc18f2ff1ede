"""Addresses of calendar and contacts integration."""

from __future__ import annotations

from django.urls import path

from integrations.views import (
    approvals,
    callback,
    connection,
    connections,
    diagnose,
    exchange_servers,
    exchange_sign_in,
    incidents,
    leaving_ews,
    organization_trip,
    organizations,
    prompt_list,
    prompts,
    trials,
)

urlpatterns = [
    path("profile/calendar/", connection.select_service, name="select_service"),
    path("profile/calendar/office-365/", connection.permissions, name="permissions"),
    path("profile/calendar/exchange/", exchange_sign_in.exchange_sign_in, name="exchange_sign_in"),
    path("profile/calendar/to-graph/", connection.connection_to_graph, name="connection_to_graph"),
    path("profile/calendar/reconnect/", connection.reconnect, name="reconnect"),
    path("profile/calendar/status/", connection.connection_status, name="connection_status"),
    path("profile/calendar/stop/", connection.connection_stop, name="connection_stop"),
    path("profile/calendar/try/", connection.connection_try, name="connection_try"),
    path("profile/calendar/delete/", connection.connection_delete, name="connection_delete"),
    path("profile/calendar/prompt/", prompts.calendar_prompt, name="calendar_prompt"),
    path("profile/calendar/prompt/done/", prompts.calendar_prompt_done, name="calendar_prompt_done"),
    path("account/calendar-prompts/", prompt_list.calendar_prompts, name="calendar_prompts"),
    path("account/calendar-prompts.csv", prompt_list.calendar_prompts_csv, name="calendar_prompts_csv"),
    path("account/calendar-prompts/reset/", prompt_list.calendar_prompts_reset, name="calendar_prompts_reset"),
    path("account/calendar-prompts/undo/", prompt_list.calendar_prompts_undo, name="calendar_prompts_undo"),
    path("profile/calendar/approval/", approvals.ask_admin, name="ask_admin"),
    path("profile/calendar/approval/take-back/", approvals.approval_take_back, name="approval_take_back"),
    path("account/connections/approvals/", approvals.approvals, name="approvals"),
    path("account/connections/approvals/act/", approvals.approvals_act, name="approvals_act"),
    path("integrations/microsoft/approval/<slug:said>/", approvals.admin_consent_done, name="admin_consent_done"),
    path("account/connections/", connections.connections, name="connections"),
    path("account/connections.csv", connections.connections_csv, name="connections_csv"),
    path("account/connections/act/", connections.connections_act, name="connections_act"),
    path(
        "account/connections/disconnect/<uuid:pk>/", connections.connections_disconnect, name="connections_disconnect"
    ),
    path("account/connections/<int:pk>/", diagnose.connection_diagnose, name="connection_diagnose"),
    path("account/connections/<int:pk>/bundle.json", diagnose.connection_bundle, name="connection_bundle"),
    path("account/connections/<int:pk>/check/", diagnose.connection_check, name="connection_check"),
    path("account/connections/<int:pk>/remind/", diagnose.connection_remind, name="connection_remind"),
    path("account/connections/incidents/", incidents.incidents, name="incidents"),
    path("account/connections/test/", trials.trial_begin, name="trial_begin"),
    path("account/connections/test/<uuid:pk>/", trials.trial, name="trial"),
    path("account/connections/test/<uuid:pk>/end/", trials.trial_end, name="trial_end"),
    path("account/ews/", leaving_ews.ews, name="ews"),
    path("account/ews.csv", leaving_ews.ews_csv, name="ews_csv"),
    path("account/ews/act/", leaving_ews.ews_act, name="ews_act"),
    path("account/organizations/", organizations.organizations, name="organizations"),
    path("account/organizations/<int:pk>/", organizations.organization, name="organization"),
    path("account/organizations/<int:pk>/check/", organizations.organization_check, name="organization_check"),
    path("account/organizations/<int:pk>/end/", organizations.organization_end, name="organization_end"),
    path("account/exchange-servers/", exchange_servers.exchange_servers, name="exchange_servers"),
    path("account/exchange-servers/<int:pk>/", exchange_servers.exchange_server, name="exchange_server"),
    path(
        "account/exchange-servers/<int:pk>/check/", exchange_servers.exchange_server_check, name="exchange_server_check"
    ),
    path(
        "account/exchange-servers/<int:pk>/account/",
        exchange_servers.exchange_server_account,
        name="exchange_server_account",
    ),
    path(
        "account/exchange-servers/<int:pk>/account/remove/",
        exchange_servers.exchange_server_account_remove,
        name="exchange_server_account_remove",
    ),
    path("integrations/authorize/begin/", organization_trip.authorize_begin, name="authorize_begin"),
    path(
        "integrations/authorize/checklist/<uuid:pk>/", organization_trip.authorize_checklist, name="authorize_checklist"
    ),
    path("integrations/authorize/link/<str:word>/", organization_trip.authorize_link, name="authorize_link"),
    path("integrations/authorize/handed-on/", organization_trip.authorize_handed_on, name="authorize_handed_on"),
    path("integrations/authorize/set-out/", organization_trip.authorize_set_out, name="authorize_set_out"),
    path("integrations/authorize/unknown/", organization_trip.authorize_unknown, name="authorize_unknown"),
    path("integrations/authorize/<uuid:pk>/", organization_trip.authorize, name="authorize"),
    path("integrations/authorize/<uuid:pk>/go/", organization_trip.authorize_go, name="authorize_go"),
    path("integrations/authorize/<uuid:pk>/cancel/", organization_trip.authorize_cancel, name="authorize_cancel"),
    path("integrations/authorize/<uuid:pk>/save/", organization_trip.authorize_save, name="authorize_save"),
    path("integrations/microsoft/callback/", callback.microsoft_callback, name="microsoft_callback"),
]
