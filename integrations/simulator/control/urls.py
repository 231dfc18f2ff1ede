from __future__ import annotations

from django.urls import path

from integrations.simulator.control import api

urlpatterns = [
    path("state", api.state),
    path("reset", api.reset),
    path("faults", api.all_faults),
    path("faults/<int:pk>", api.one_fault),
    path("people/<str:name>/password", api.password),
    path("people/<str:name>/grants", api.grants),
    path("people/<str:name>/<slug:action>", api.act_on_person),
    path("applications/<uuid:client_id>/secret", api.secret),
    path("applications/<uuid:client_id>/expire-secrets", api.expire_secrets),
]
