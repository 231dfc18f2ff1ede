"""The pages people see while they sign in: account, password, second factor, refusal. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from integrations.simulator.control import seen
from integrations.simulator.entra import answers, people
from integrations.simulator.entra import second_factor as factor
from integrations.simulator.entra.errand import Errand, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.middleware import allow_form_to
from integrations.simulator.models import BrowserSession, Person
from integrations.simulator.seeds import loader

# What people read above Microsoft's own text.
FRIENDLY: Mapping[int, str] = {
    50020: "You can’t sign in here with this account. It belongs to another organization.",
    50034: "We couldn’t find an account with that user name.",
    50053: "Your account is temporarily locked to prevent unauthorised use. Try again later.",
    50057: "Your account has been locked. Contact your support person to unlock it, then try again.",
    50126: "Your account or password is incorrect.",
    120000: "Your current password is incorrect.",
    120002: "Choose a password that is harder to guess.",
    120003: "Your password can’t contain your user name.",
    500121: "We couldn’t verify that it is you.",
}


def pick(request: HttpRequest, errand: Errand, session: BrowserSession | None) -> HttpResponse:
    seen.explain(request, why="Whoever it is, is asked which account to use.")
    candidates = people.to_pick_from(errand.application, errand.where, errand.domain_hint)
    linked = [(person, errand.again(login_hint=person.sign_in_name)) for person in candidates]
    context = {
        "tenants": [(name, list(group)) for name, group in groupby(linked, key=lambda one: one[0].tenant.name)],
        "signed_in": session.person if session else None,
        "another": errand.again(login_hint="", step="password"),
        "cancel": errand.step("login"),
    }
    return page(request, "pick.html", context, errand)


def password(request: HttpRequest, errand: Errand, *, name: str = "", problem: Refused | None = None) -> HttpResponse:
    if problem is None:
        seen.explain(request, why="The password is asked for.", who=name)
    context = {
        "action": errand.step("login"),
        "name": name,
        "hint": loader.password(),
        "pick": _pick_another(errand),
        **_problem(problem),
    }
    return page(request, "password.html", context, errand)


def renew(request: HttpRequest, errand: Errand, *, name: str, problem: Refused | str | None = None) -> HttpResponse:
    context = {
        "action": errand.step("renew"),
        "name": name,
        "pick": _pick_another(errand),
        **_problem(problem),
    }
    return page(request, "renew.html", context, errand)


def second_factor(
    request: HttpRequest, errand: Errand, session: BrowserSession, problem: Refused | str | None = None
) -> HttpResponse:
    asked = factor.new_request()
    context = {
        "person": session.person,
        "action": errand.step("second_factor"),
        "request_id": asked,
        "number": factor.number(session, asked),
        "pick": _pick_another(errand),
        **_problem(problem),
    }
    return page(request, "mfa.html", context, errand)


def shut(request: HttpRequest, errand: Errand, person: Person, refused: Refused) -> HttpResponse:
    """The person is known, and the organization's rules stop them; there is a way back."""
    context = {
        "person": person,
        "refused": refused,
        "trace": answers.trace(request),
        "action": errand.step("leave"),
        "another": errand.again(login_hint="", step="pick"),
    }
    return page(request, "shut.html", context, errand)


def send_form(request: HttpRequest, reply: Reply, parameters: dict[str, str]) -> HttpResponse:
    """`response_mode=form_post`: a form that submits itself, and has a button where there is no script."""
    context = {"app": reply.application, "action": reply.redirect_uri, "parameters": parameters.items()}
    response = render(request, "simulator/form_post.html", context)
    allow_form_to(response, reply.origin)
    return response


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Nothing is ever redirected from here."""
    trace = answers.trace(request)
    context = {"refused": refused, "trace": trace}
    response = render(request, "simulator/refusal.html", context, status=refused.kind.status)
    response["x-ms-request-id"] = trace.trace_id
    if refused.retry_after is not None:
        response["Retry-After"] = str(refused.retry_after)
    return response


def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "simulator/signed_out.html")


def page(request: HttpRequest, template: str, context: Mapping[str, object], errand: Errand) -> HttpResponse:
    response = render(request, f"simulator/{template}", {"app": errand.application, **context})
    allow_form_to(response, errand.reply.origin)
    return response


def _pick_another(errand: Errand) -> str:
    return errand.again(login_hint="", step="pick")


def _problem(problem: Refused | str | None) -> dict[str, str]:
    """A sentence for the person, and Microsoft's text where there is one."""
    if isinstance(problem, Refused):
        return {"problem": FRIENDLY.get(problem.code, problem.text), "said": problem.text}
    return {"problem": problem or "", "said": ""}
