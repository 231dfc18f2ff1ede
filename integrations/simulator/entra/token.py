"""POST /{tenant}/oauth2/v2.0/token"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator import place
from integrations.simulator.control import faults, tally
from integrations.simulator.entra import answers, app_only, claims, clients, codes, grants, refresh, scopes
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.tenants import Directory, directory
from integrations.simulator.models import Application, AuthorizationCode, Fault, Person, RefreshToken


@dataclass(frozen=True)
class Entitled:
    """Who gets tokens, and for what."""

    person: Person
    application: Application
    graph: Sequence[str]
    oidc: Sequence[str]
    sid: UUID
    nonce: str | None = None


@csrf_exempt
def token(request: HttpRequest, segment: str) -> HttpResponse:
    now = timezone.now()
    form = {name: str(value) for name, value in request.POST.items()}
    try:
        _meet_faults(form, now=now)
        answer = _answer(request, segment, form, now=now)
    except Refused as refused:
        tally.count_token(form.get("grant_type", ""), refused.code)
        return answers.refusal(request, refused)
    tally.count_token(form.get("grant_type", ""), 0)
    return answers.success(request, answer)


def _meet_faults(form: Mapping[str, str], *, now: datetime) -> None:
    trouble = faults.meet(Fault.Target.TOKEN, lambda: _tenant_of(form), now=now)
    if trouble:
        raise Refused(90055 if trouble.status == 429 else 90033, retry_after=trouble.retry_after)


def _answer(request: HttpRequest, segment: str, form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    where = directory(segment)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise Refused(900144, parameter="grant_type")
    if "resource" in form:
        raise Refused(901002)
    if grant_type == "client_credentials":
        return app_only.tokens(request, form, where, now=now)
    redeem = _GRANTS.get(grant_type)
    if redeem is None:
        raise Refused(70003, grant_type=grant_type)
    application = clients.authenticate(request, form, where, now=now)
    asked = scopes.read(form["scope"], app=application.name) if form.get("scope") else None
    return _tokens(request, redeem(form, application, where, asked, now), form, now=now)


def _by_code(
    form: Mapping[str, str], application: Application, where: Directory, asked: scopes.Scopes | None, now: datetime
) -> Entitled:
    code = codes.redeem(form, application, where, now=now)
    refresh.check_person(code.person, application, where)
    graph, oidc = grants.effective(asked, code.scopes, application, code.person)
    return Entitled(code.person, application, graph, oidc, code.sid, code.nonce)


def _by_refresh_token(
    form: Mapping[str, str], application: Application, where: Directory, asked: scopes.Scopes | None, now: datetime
) -> Entitled:
    old = refresh.check(form.get("refresh_token", ""), application, where, now=now)
    graph, oidc = grants.effective(asked, old.scopes, application, old.person)
    return Entitled(old.person, application, graph, oidc, old.sid)


_GRANTS = {"authorization_code": _by_code, "refresh_token": _by_refresh_token}


def _tokens(request: HttpRequest, to: Entitled, form: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """Exactly the members the real service sends, each only when it was asked for."""
    seconds = claims.lifetime()
    carried = scopes.join(to.graph, to.oidc)
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": claims.granted(to.graph, to.oidc),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": claims.access_token(
            to.person,
            to.application,
            scopes=carried,
            sid=str(to.sid),
            seconds=seconds,
            now=now,
        ),
    }
    if "offline_access" in to.oidc:
        answer["refresh_token"] = refresh.issue(
            application=to.application, person=to.person, sid=to.sid, scopes=carried, now=now
        )
    if "openid" in to.oidc:
        answer["id_token"] = claims.id_token(
            to.person,
            to.application,
            scopes=to.oidc,
            sid=str(to.sid),
            nonce=to.nonce,
            issuer=f"{place.here().machine_origin(request.get_host())}/{to.person.tenant.tid}/v2.0",
            now=now,
        )
    if form.get("client_info") == "1":
        answer["client_info"] = claims.client_info(to.person)
    return answer


def _tenant_of(form: Mapping[str, str]) -> int | None:
    """Whose tenant a fault would hit; nothing is redeemed by looking."""
    if form.get("refresh_token"):
        held = RefreshToken.objects.filter(digest=digest(form["refresh_token"]))
        return held.values_list("person__tenant", flat=True).first()
    issued = AuthorizationCode.objects.filter(digest=digest(form.get("code", "")))
    return issued.values_list("person__tenant", flat=True).first()
