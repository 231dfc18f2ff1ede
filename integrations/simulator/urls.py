"""Plain HTTP, for people: sign-in and consent, and the console. `machine_urls.py` has the other origin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from integrations.simulator.control.sign_in_faults import may_fail
from integrations.simulator.entra import adminconsent, authorize, logout, signing_in
from integrations.simulator.entra.saml import asking


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz),
    path("", include("integrations.simulator.control.console_urls")),
    path("control/", include("integrations.simulator.control.urls")),
    path("<str:segment>/oauth2/v2.0/authorize", may_fail(authorize.authorize), name="authorize"),
    re_path(r"^(?P<segment>[^/]+)/admin[cC]onsent$", may_fail(adminconsent.old), name="adminconsent"),
    re_path(r"^(?P<segment>[^/]+)/v2\.0/admin[cC]onsent$", may_fail(adminconsent.new), name="adminconsent_v2"),
    path("<str:segment>/saml2", may_fail(asking.saml2), name="saml2"),
    path("<str:segment>/login", may_fail(signing_in.login), name="login"),
    path("<str:segment>/renew", may_fail(signing_in.renew), name="renew"),
    path("<str:segment>/second-factor", may_fail(signing_in.approve), name="second_factor"),
    path("<str:segment>/leave", may_fail(signing_in.leave), name="leave"),
    path("<str:segment>/consent", may_fail(authorize.consent), name="consent"),
    path("<str:segment>/grant", may_fail(adminconsent.grant), name="grant"),
    path("<str:segment>/oauth2/v2.0/logout", may_fail(logout.logout), name="logout"),
]
handler404 = "integrations.simulator.control.console.page_not_found"
