"""POST /{tenant}/oauth2/v2.0/token"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from integrations.simulator.control import faults, seen, tally, troubles
from integrations.simulator.entra import answers, app_only, clients, errors, issuing, particulars
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.tenants import as_guid, directory
from integrations.simulator.models import Application, AuthorizationCode, Fault, Person, RefreshToken, Tenant

FORM = "application/x-www-form-urlencoded"


@csrf_exempt
def token(request: HttpRequest, segment: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return answers.preflight(request)
    now = timezone.now()
    era = tally.era()
    form: Mapping[str, str] = {}
    try:
        form = _form(request)
        _meet_faults(request, segment, form, now=now)
        answer = _answer(request, segment, form, now=now)
    except Refused as refused:
        tally.count_token(form.get("grant_type", ""), refused.code, begun_in=era)
        seen.explain(request, why=refused.why, code=f"AADSTS{refused.code} {refused.kind.error}")
        return answers.refusal(request, refused)
    tally.count_token(form.get("grant_type", ""), 0, begun_in=era)
    return answers.success(request, answer)


def _form(request: HttpRequest) -> Mapping[str, str]:
    """Whatever is no form has no parameters; parameters that come twice are refused, as RFC 6749 §3.2 wants."""
    if request.method != "POST":
        raise Refused(900561, method=request.method or "")
    if request.content_type != FORM:
        return {}
    try:
        sent = request.POST
    except (SuspiciousOperation, BadRequest, UnreadablePostError):
        raise Refused(9002313) from None
    twice = next((name for name, values in sent.lists() if len(values) > 1), None)
    if twice is not None:
        raise Refused(9000411, parameter=twice[:100])
    return {name: str(value) for name, value in sent.items()}


def _meet_faults(request: HttpRequest, segment: str, form: Mapping[str, str], *, now: datetime) -> None:
    trouble = faults.meet(
        Fault.Target.TOKEN,
        tenant=lambda: _person_of(form, "tenant") or _tenant_of(segment),
        person=lambda: _person_of(form, "pk"),
        application=lambda: _application_of(request, form),
        method="POST",
        path=form.get("grant_type", ""),
        now=now,
    )
    if trouble:
        _introduce(request, segment, form)
        raise troubles.EntraInTrouble(trouble, **_particulars(request, form, now=now))


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
        raise Refused(70003, grant_type=grant_type[:200])
    return redeem(request, form, clients.authenticate(request, form, where, now=now), where, now)


_GRANTS = {"authorization_code": issuing.by_code, "refresh_token": issuing.by_refresh_token}


def _person_of(form: Mapping[str, str], part: str) -> int | None:
    """Whom a fault would hit, or their tenant; nothing is redeemed by looking."""
    if form.get("refresh_token"):
        held = RefreshToken.objects.filter(digest=digest(form["refresh_token"]))
        return held.values_list(f"person__{part}", flat=True).first()
    issued = AuthorizationCode.objects.filter(digest=digest(form.get("code", "")))
    return issued.values_list(f"person__{part}", flat=True).first()


def _tenant_of(segment: str) -> int | None:
    try:
        where = directory(segment).tenant
    except Refused:
        return None
    return where.pk if where else None


def _application_of(request: HttpRequest, form: Mapping[str, str]) -> int | None:
    client_id = as_guid(clients.claimed(request, form))
    return Application.objects.filter(client_id=client_id).values_list("pk", flat=True).first() if client_id else None


def _introduce(request: HttpRequest, segment: str, form: Mapping[str, str]) -> None:
    """For the log: whom the trouble hits. Whoever is let in introduces themselves later."""
    pk = _person_of(form, "pk")
    person = None if pk is None else Person.objects.select_related("tenant").filter(pk=pk).first()
    where = None if person else _tenant_of(segment)
    tenant = person.tenant if person else where and Tenant.objects.get(pk=where)
    seen.explain(
        request,
        who=person.sign_in_name if person else "",
        app=as_guid(clients.claimed(request, form)) or "",
        tenant=tenant or "",
    )


def _particulars(request: HttpRequest, form: Mapping[str, str], *, now: datetime) -> dict[str, str]:
    """What the text of an ordered refusal says of the request."""
    application, person = _application_of(request, form), _person_of(form, "pk")
    known = {name: form[name][:200] for name in ("scope", "grant_type", "redirect_uri") if form.get(name)}
    # What is only said to have happened happened now.
    known |= dict.fromkeys(("issued_at", "valid_from", "revoked_at", "expired_on"), errors.moment(now))
    if issued := RefreshToken.objects.filter(digest=digest(form.get("refresh_token", ""))).first():
        known["issued_at"] = errors.moment(issued.issued_at)
    if application is not None:
        known |= particulars.of_application(Application.objects.get(pk=application))
    if person is not None:
        known |= particulars.of_person(Person.objects.select_related("tenant").get(pk=person))
    return known
