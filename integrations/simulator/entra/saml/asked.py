"""What an application asks for by SAML, read and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from integrations.simulator.entra import clients, principals
from integrations.simulator.entra.errand import Errand, Reply
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.saml import messages
from integrations.simulator.entra.saml.messages import AuthnRequest
from integrations.simulator.entra.tenants import Directory, directory
from integrations.simulator.models import Application

FLOW = "saml"
PARAMETERS = ("SAMLRequest", "RelayState", "login_hint", "client-request-id")


@dataclass(frozen=True, kw_only=True)
class SamlReply(Reply):
    """By POST, to a registered address."""

    question: AuthnRequest
    relay_state: str | None
    tid: str

    def carry(self, response: str) -> dict[str, str]:
        return {"SAMLResponse": response} | ({} if self.relay_state is None else {"RelayState": self.relay_state})


@dataclass(frozen=True, kw_only=True)
class SamlAsked(Errand):
    reply: SamlReply

    @property
    def question(self) -> AuthnRequest:
        return self.reply.question


def reply(segment: str, sent: Mapping[str, str]) -> tuple[Directory, Reply]:
    """Refusals from here are shown on a page, as there is nowhere safe to answer to yet."""
    where = directory(segment)
    question = messages.read(messages.inflate(sent.get("SAMLRequest", "")))
    application = _application(question.issuer, where)
    tenant = where.tenant or application.publisher
    return where, SamlReply(
        application=application,
        redirect_uri=_reply_url(question, application),
        mode=FLOW,
        state=None,
        question=question,
        relay_state=sent.get("RelayState"),
        tid=str(tenant.tid),
    )


def read(where: Directory, to: Reply, sent: Mapping[str, str]) -> SamlAsked:
    if not isinstance(to, SamlReply):
        raise TypeError("The way back of a SAML request is one of SAML.")
    kept = [(name, sent[name]) for name in PARAMETERS if sent.get(name)]
    hint = sent.get("login_hint", "").strip().lower() or to.question.subject
    return SamlAsked(
        where=where, reply=to, query=urlencode([*kept, ("flow", FLOW)]), begins="saml2", login_hint=_address(hint)
    )


def _application(issuer: str, where: Directory) -> Application:
    """The one that is called so, and is in the organization: an administrator put it there."""
    registered = (one for one in Application.objects.select_related("publisher") if issuer in one.identifier_uris)
    found = next(registered, None) if issuer else None
    if found is None or (where.tenant and principals.find(found, where.tenant) is None):
        raise Refused(700016, client_id=issuer, tenant=where.name)
    return clients.find(str(found.client_id), where)


def _reply_url(question: AuthnRequest, application: Application) -> str:
    if not application.redirect_uris:
        raise Refused(900971)
    if not question.reply_url:
        return str(application.redirect_uris[0])
    if question.reply_url not in application.redirect_uris:
        raise Refused(50011, redirect_uri=question.reply_url, client_id=question.issuer)
    return question.reply_url


def _address(hint: str) -> str:
    """A persistent NameID hints at nobody whom a page could name."""
    return hint if "@" in hint else ""
