"""Tokens for a person: what a code or a refresh token is worth now, and the answer that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from integrations.simulator import place
from integrations.simulator.control import seen
from integrations.simulator.entra import claims, codes, grants, refresh, scopes, standing, wishes
from integrations.simulator.entra.claims import Grounds
from integrations.simulator.entra.clients import Client
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.grants import Effective
from integrations.simulator.entra.resources import GRAPH
from integrations.simulator.entra.scopes import Scopes
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import AuthorizationCode, RefreshToken


@dataclass(frozen=True)
class Exchange:
    """One request that trades a code or a refresh token for tokens."""

    request: HttpRequest
    form: Mapping[str, str]
    client: Client
    where: Directory
    capabilities: Sequence[str]
    now: datetime


def by_code(
    request: HttpRequest, form: Mapping[str, str], client: Client, where: Directory, now: datetime
) -> dict[str, Any]:
    exchange = Exchange(request, form, client, where, wishes.capabilities(form.get("claims", "")), now)
    code = codes.find(form.get("code", ""), client.application)
    _introduce(exchange, code)
    codes.check(code, form, client, where, now=now)
    asked = _asked_with_code(form, client, where)
    what = _entitled(exchange, code, asked)
    codes.redeem(code, now=now)
    answer = _answer(exchange, code, what, asked, nonce=code.nonce)
    if "offline_access" in what.oidc:
        answer["refresh_token"] = refresh.first(code, code.scopes, is_spa=codes.is_spa(code), now=now)
    return _told(exchange, code, what, answer, "a code")


def by_refresh_token(
    request: HttpRequest, form: Mapping[str, str], client: Client, where: Directory, now: datetime
) -> dict[str, Any]:
    exchange = Exchange(request, form, client, where, wishes.capabilities(form.get("claims", "")), now)
    old = refresh.find(form.get("refresh_token", ""), client.application)
    _introduce(exchange, old)
    refresh.check(old, client, where, now=now)
    asked = _asked(form, client, where)
    if asked and asked.names == ("offline_access",) and not asked.is_default:
        raise Refused(700023)
    what = _entitled(exchange, old, asked)
    refresh.use_up(old, now=now)
    answer = _answer(exchange, old, what, asked, nonce=None)
    if "offline_access" in what.oidc:
        carried = scopes.join(old.scopes, asked.names if asked else ())
        answer["refresh_token"] = refresh.next_one(old, carried, now=now)
    return _told(exchange, old, what, answer, "a refresh token")


def _introduce(exchange: Exchange, source: AuthorizationCode | RefreshToken) -> None:
    """To the request log, before anything is refused."""
    person = source.person
    seen.explain(exchange.request, who=person.sign_in_name, tenant=person.tenant.name)


def _asked(form: Mapping[str, str], client: Client, where: Directory) -> Scopes | None:
    text = form.get("scope", "").strip()
    return scopes.read(text, app=client.application.name, tenant=where.name) if text else None


def _asked_with_code(form: Mapping[str, str], client: Client, where: Directory) -> Scopes | None:
    """A code is for one resource at a time, and its refusals have numbers of their own."""
    if "scope" not in form:
        return None
    if not form["scope"].strip():
        raise Refused(28003)
    try:
        asked = _asked(form, client, where)
    except Refused as refused:
        if refused.code == 70011:
            raise Refused(28002, scope=form["scope"]) from None
        if refused.code == 700022:
            raise Refused(28000, scope=form["scope"]) from None
        raise
    if asked and len(asked.resources) > 1:
        raise Refused(28000, scope=form["scope"])
    return asked


def _entitled(exchange: Exchange, source: AuthorizationCode | RefreshToken, asked: Scopes | None) -> Effective:
    person, application = source.person, exchange.client.application
    principal, have = grants.standing(application, person)
    standing.check_application(principal, person, application)
    what = grants.effective(asked, source.scopes, have, application, person)
    standing.check_policies(person, has_mfa=source.has_mfa, resource=what.resource.app_id)
    return what


def _answer(
    exchange: Exchange,
    source: AuthorizationCode | RefreshToken,
    what: Effective,
    asked: Scopes | None,
    *,
    nonce: str | None,
) -> dict[str, Any]:
    """Exactly the members the real service sends, each only when it was asked for."""
    person, application, now = source.person, exchange.client.application, exchange.now
    seconds = claims.lifetime(handles_challenges=bool(exchange.capabilities))
    grounds = Grounds(
        application=application,
        acr=exchange.client.acr,
        resource=what.resource,
        capabilities=exchange.capabilities,
        sid=str(source.sid),
        has_mfa=source.has_mfa,
    )
    carried = scopes.join(what.scopes, what.oidc)
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": claims.granted(_spelt(what, asked), what.oidc),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        **({"refresh_in": seconds // 2} if exchange.capabilities else {}),
        "access_token": claims.access_token(person, grounds, scopes=carried, seconds=seconds, now=now),
    }
    if "openid" in what.oidc:
        origin = place.here().machine_origin(exchange.request.get_host())
        answer["id_token"] = claims.id_token(
            person,
            application,
            scopes=what.oidc,
            sid=str(source.sid),
            nonce=nonce,
            auth_time=source.auth_time if isinstance(source, AuthorizationCode) else None,
            issuer=f"{origin}/{person.tenant.tid}/v2.0",
            now=now,
        )
    if exchange.form.get("client_info") == "1":
        answer["client_info"] = claims.client_info(person)
    return answer


def _spelt(what: Effective, asked: Scopes | None) -> Sequence[str]:
    """As the client spelt them: libraries look for what they asked for in the answer."""
    if asked is None or not asked.is_spelt_out or what.resource is not GRAPH:
        return what.scopes
    more = (f"{GRAPH.audience}/.default",) if asked.is_default else ()
    return [*(f"{GRAPH.audience}/{name}" for name in what.scopes), *more]


def _told(
    exchange: Exchange,
    source: AuthorizationCode | RefreshToken,
    what: Effective,
    answer: dict[str, Any],
    given: str,
) -> dict[str, Any]:
    name, minutes = source.person.name, answer["expires_in"] // 60
    why = f"{given.capitalize()} of {name} is good: an access token for {what.resource.name}, for {minutes} minutes."
    seen.explain(exchange.request, why=why)
    return answer
