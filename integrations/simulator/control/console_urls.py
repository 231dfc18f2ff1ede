from __future__ import annotations

from django.urls import path

from integrations.simulator.control import console, fault_pages, log_pages, pages, pressing

PERSON = "console/people/<uuid:oid>"
EVENT = f"{PERSON}/events/<str:graph_id>"
APPLICATION = "console/applications/<uuid:client_id>"
ENROLMENT = f"{APPLICATION}/tenants/<uuid:tid>"

urlpatterns = [
    path("", console.front, name="console"),
    path("log", log_pages.log, name="log"),
    path("log/newer", log_pages.newer, name="log_newer"),
    path("console/enter", console.enter, name="enter"),
    path("console/faults", fault_pages.every, name="faults"),
    path("console/faults/stop", fault_pages.stop_all, name="stop_all_faults"),
    path("console/faults/<int:pk>/stop", fault_pages.stop, name="stop_fault"),
    path("console/tenants/<uuid:tid>", pages.tenant, name="tenant"),
    path("console/tenants/<uuid:tid>/<slug:action>", pressing.press, {"on": "tenants"}),
    path(PERSON, pages.person, name="person"),
    path(f"{PERSON}/<slug:action>", pressing.press, {"on": "people"}),
    path(EVENT, pages.appointment, name="appointment"),
    path(f"{EVENT}/<slug:action>", pressing.press, {"on": "events"}),
    path(APPLICATION, pages.application, name="application"),
    path(f"{APPLICATION}/<slug:action>", pressing.press, {"on": "applications"}),
    path(ENROLMENT, pages.enrolment, name="enrolment"),
    path(f"{ENROLMENT}/<slug:action>", pressing.press, {"on": "principals"}),
    path("console/subscriptions/<uuid:graph_id>/<slug:action>", pressing.press, {"on": "subscriptions"}),
    path("console/recipes/<slug:action>", pressing.press, {"on": "recipes"}),
    path("console/service/<slug:action>", pressing.press, {"on": "service"}),
]
