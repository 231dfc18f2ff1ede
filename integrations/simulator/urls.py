"""Plain HTTP, for people: sign-in and consent, and the console. `machine_urls.py` has the other origin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from integrations.simulator.control import console
from integrations.simulator.entra import adminconsent, authorize, logout, signing_in


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", console.front, name="console"),
    path("healthz", healthz),
    path("console/enter", console.enter, name="enter"),
    path("console/people/<uuid:oid>/<slug:action>", console.act_on_person, name="person_action"),
    path("console/faults", console.add_fault, name="add_fault"),
    path("console/faults/<int:pk>/stop", console.stop_fault, name="stop_fault"),
    path("control/", include("integrations.simulator.control.urls")),
    path("<str:segment>/oauth2/v2.0/authorize", authorize.authorize, name="authorize"),
    re_path(r"^(?P<segment>[^/]+)/admin[cC]onsent$", adminconsent.old, name="adminconsent"),
    re_path(r"^(?P<segment>[^/]+)/v2\.0/admin[cC]onsent$", adminconsent.new, name="adminconsent_v2"),
    path("<str:segment>/login", signing_in.login, name="login"),
    path("<str:segment>/renew", signing_in.renew, name="renew"),
    path("<str:segment>/second-factor", signing_in.approve, name="second_factor"),
    path("<str:segment>/leave", signing_in.leave, name="leave"),
    path("<str:segment>/consent", authorize.consent, name="consent"),
    path("<str:segment>/grant", adminconsent.grant, name="grant"),
    path("<str:segment>/oauth2/v2.0/logout", logout.logout, name="logout"),
]
handler404 = "integrations.simulator.control.console.page_not_found"
