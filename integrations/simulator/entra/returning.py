"""The way back to the application: with what it asked for, or with a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

from integrations.simulator.control import seen
from integrations.simulator.entra import answers, errors, pages
from integrations.simulator.entra.errand import Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.saml import saying
from integrations.simulator.entra.saml.asked import SamlReply


def answer(
    request: HttpRequest, reply: Reply, parameters: Mapping[str, str], *, session_state: str = ""
) -> HttpResponse:
    sent = dict(parameters)
    if reply.state is not None:
        sent["state"] = reply.state
    if session_state:
        sent["session_state"] = session_state
    if reply.mode == "form_post":
        return pages.send_form(request, reply, sent)
    return redirect(reply.url(sent))


def refuse(request: HttpRequest, reply: Reply, refused: Refused, **changes: str) -> HttpResponse:
    seen.explain(request, why=refused.why, app=reply.application.client_id, code=refused.code)
    if isinstance(reply, SamlReply):
        return pages.send_form(request, reply, reply.carry(saying.refusal(reply, refused, answers.trace(request))))
    told = errors.redirect_parameters(refused, answers.trace(request))
    return answer(request, reply, {**told, **changes, **dict(reply.on_refusal)})


def cancel(request: HttpRequest, reply: Reply, refused: Refused | None = None) -> HttpResponse:
    """The person left a page by its way out. Without a reason, before they had signed in."""
    return refuse(request, reply, refused or Refused(65004), error="access_denied", error_subcode="cancel")


def redirect(url: str) -> HttpResponse:
    """To a registered address, which may have a scheme of an installed application's own; Django allows the web's."""
    return HttpResponse(status=302, headers={"Location": iri_to_uri(url)})
