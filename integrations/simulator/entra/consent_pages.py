"""The pages on which permissions are asked for, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse

from integrations.simulator.entra import pages
from integrations.simulator.entra.approvals import LONGEST
from integrations.simulator.entra.errand import Errand
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.permission import Permission
from integrations.simulator.entra.scopes import OIDC, PERMISSIONS, ROLES
from integrations.simulator.models import BrowserSession, Person

# By the code of the refusal: what the page is called.
NEED = {90094: "Need admin approval", 90095: "Approval required"}


def consent(request: HttpRequest, errand: Errand, session: BrowserSession, names: Sequence[str]) -> HttpResponse:
    context = {
        "person": session.person,
        "since": session.signed_in_at,
        "permissions": _delegated(names),
        "action": errand.step("consent"),
        "pick": errand.again(login_hint="", step="pick"),
    }
    return pages.page(request, "consent.html", context, errand)


def need_admin(
    request: HttpRequest, errand: Errand, person: Person, names: Sequence[str], refused: Refused, *, step: str
) -> HttpResponse:
    context = {
        "person": person,
        "heading": NEED[refused.code],
        "may_ask": refused.code == 90095,
        "permissions": _delegated(names),
        "reason": refused.text,
        "longest": LONGEST,
        "action": errand.step(step),
        "pick": errand.again(login_hint="", step="pick"),
    }
    return pages.page(request, "need_admin.html", context, errand)


def asked_for_approval(request: HttpRequest, errand: Errand, person: Person) -> HttpResponse:
    context = {"person": person, "action": errand.step("consent")}
    return pages.page(request, "approval_sent.html", context, errand)


def for_everybody(
    request: HttpRequest, errand: Errand, person: Person, names: Sequence[str], roles: Sequence[str]
) -> HttpResponse:
    context = {
        "person": person,
        "permissions": _delegated(names),
        "roles": _described(roles, ROLES),
        "action": errand.step("grant"),
        "pick": errand.again(login_hint="", step="pick"),
    }
    return pages.page(request, "adminconsent.html", context, errand)


def _delegated(names: Sequence[str]) -> Sequence[tuple[str, Permission]]:
    """OpenID Connect's last."""
    return _described(sorted(names, key=OIDC.__contains__), PERMISSIONS)


def _described(names: Sequence[str], table: Mapping[str, Permission]) -> Sequence[tuple[str, Permission]]:
    return [(name, table[name]) for name in names]
