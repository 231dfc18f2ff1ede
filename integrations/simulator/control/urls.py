from __future__ import annotations

from django.urls import path, re_path

from integrations.simulator.control import api

urlpatterns = [
    path("", api.index),
    path("state", api.state),
    path("requests", api.requests),
    path("log", api.log),
    path("reset", api.reset),
    path("faults", api.all_faults),
    path("faults/<int:pk>", api.one_fault),
    path("throttling", api.limits),
    path("tenants/<str:name>", api.tenant),
    path("tenants/<str:name>/<slug:action>", api.act_on_tenant),
    path("people/<str:name>", api.person),
    path("people/<str:name>/grants", api.grants),
    path("people/<str:name>/events", api.events),
    path("people/<str:name>/events/<str:graph_id>", api.one_event),
    path("people/<str:name>/events/<str:graph_id>/<slug:action>", api.act_on_event),
    path("people/<str:name>/<slug:action>", api.act_on_person),
    path("applications/<uuid:client_id>", api.application),
    path("applications/<uuid:client_id>/tenants/<str:name>/<slug:action>", api.act_on_principal),
    path("applications/<uuid:client_id>/<slug:action>", api.act_on_application),
    path("subscriptions", api.subscriptions),
    path("subscriptions/<uuid:graph_id>", api.one_subscription),
    path("subscriptions/<uuid:graph_id>/<slug:action>", api.act_on_subscription),
    path("recipes/<slug:action>", api.follow_recipe),
    path("<slug:action>", api.act_on_service),
    re_path("^(?P<path>.*)$", api.nothing),
]
