"""The pages people see on the way to a code: account, password, consent, refusal. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from integrations.simulator.entra import answers, grants, people
from integrations.simulator.entra.asked import Asked, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import OIDC, PERMISSIONS
from integrations.simulator.middleware import allow_form_to
from integrations.simulator.models import BrowserSession, Person
from integrations.simulator.seeds import loader


def pick(request: HttpRequest, asked: Asked, session: BrowserSession | None) -> HttpResponse:
    candidates = [(person, _link(asked, person)) for person in people.to_pick_from(asked.where)]
    tenants = [
        (name, list(group)) for name, group in groupby(candidates, key=lambda candidate: candidate[0].tenant.name)
    ]
    context = {
        "app": asked.application,
        "tenants": tenants,
        "signed_in": session.person if session else None,
        "another": _authorize(asked) + "?" + asked.without_prompt(login_hint="", step="password"),
        "cancel": _step(asked, "login"),
    }
    return _page(request, "pick.html", context, asked.reply)


def password(request: HttpRequest, asked: Asked, *, name: str = "", problem: str = "") -> HttpResponse:
    context = {
        "app": asked.application,
        "action": _step(asked, "login"),
        "name": name,
        "problem": problem,
        "hint": loader.password(),
        "pick": _authorize(asked) + "?" + urlencode([*_pairs(asked), ("prompt", "select_account")]),
    }
    return _page(request, "password.html", context, asked.reply)


def consent(request: HttpRequest, asked: Asked, session: BrowserSession, names: Sequence[str]) -> HttpResponse:
    context = {
        "app": asked.application,
        "person": session.person,
        "since": session.signed_in_at,
        "permissions": [(name, PERMISSIONS[name]) for name in sorted(names, key=OIDC.__contains__)],
        "action": _step(asked, "consent"),
        "pick": _authorize(asked) + "?" + urlencode([*_pairs(asked), ("prompt", "select_account")]),
    }
    return _page(request, "consent.html", context, asked.reply)


def need_admin(request: HttpRequest, asked: Asked, person: Person, names: Sequence[str]) -> HttpResponse:
    context = {
        "app": asked.application,
        "person": person,
        "permissions": [(name, PERMISSIONS[name]) for name in names if PERMISSIONS[name].is_for_admins],
        "reason": grants.needs_an_admin(asked.application, person).text,
        "action": _step(asked, "consent"),
        "pick": _authorize(asked) + "?" + urlencode([*_pairs(asked), ("prompt", "select_account")]),
    }
    return _page(request, "need_admin.html", context, asked.reply)


def send_form(request: HttpRequest, reply: Reply, parameters: dict[str, str]) -> HttpResponse:
    """`response_mode=form_post`: a form that submits itself, and has a button where there is no script."""
    context = {"app": reply.application, "action": reply.redirect_uri, "parameters": parameters.items()}
    return _page(request, "form_post.html", context, reply)


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Nothing is ever redirected from here."""
    trace = answers.trace(request)
    context = {"refused": refused, "trace": trace}
    return render(request, "simulator/refusal.html", context, status=refused.kind.status)


def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "simulator/signed_out.html")


def _page(request: HttpRequest, template: str, context: dict[str, object], reply: Reply) -> HttpResponse:
    response = render(request, f"simulator/{template}", context)
    allow_form_to(response, reply.origin)
    return response


def _authorize(asked: Asked) -> str:
    return reverse("authorize", args=[asked.where.segment])


def _step(asked: Asked, name: str) -> str:
    return f"{reverse(name, args=[asked.where.segment])}?{asked.query}"


def _link(asked: Asked, person: Person) -> str:
    return f"{_authorize(asked)}?{asked.without_prompt(login_hint=person.sign_in_name, step='picked')}"


def _pairs(asked: Asked) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(asked.query) if name not in ("prompt", "login_hint")]
