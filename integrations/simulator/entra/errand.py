"""What a person is to be signed in for: an authorization request, or an administrator's consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.urls import reverse

from integrations.simulator.entra import addresses, clients
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.tenants import Directory, directory
from integrations.simulator.models import Application, Person


@dataclass(frozen=True)
class Reply:
    """Where the answer goes; known good before anything is ever sent there."""

    application: Application
    redirect_uri: str
    mode: str
    state: str | None
    on_refusal: tuple[tuple[str, str], ...] = ()
    """What is added to every refusal."""

    @property
    def is_spa(self) -> bool:
        return self.redirect_uri in self.application.spa_redirect_uris

    @property
    def origin(self) -> str:
        """As a Content-Security-Policy names it; of an installed application's own scheme there is but the scheme."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"

    def url(self, parameters: Mapping[str, str]) -> str:
        """The redirect for `query` and `fragment`: the registered address, letter for letter, and what is added."""
        if self.mode == "fragment":
            return f"{self.redirect_uri}#{urlencode(parameters)}"
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(parameters)}"


@dataclass(frozen=True, kw_only=True)
class Errand:
    where: Directory
    reply: Reply
    query: str
    """The request as a query string, for the forms of the pages that follow."""
    begins: str
    """The name of the route where it begins."""
    login_hint: str = ""
    domain_hint: str = ""
    demands_mfa: bool = False
    gives_tokens: bool = True

    @property
    def application(self) -> Application:
        return self.reply.application

    @property
    def lasting_prompt(self) -> str:
        return ""

    def holds(self, person: Person) -> bool:
        """Of an organization that may be signed in to here."""
        return self.where.holds(person.tenant_id)

    def suits(self, person: Person) -> bool:
        """Besides, whoever is hinted at is meant."""
        hint = self.login_hint
        return self.holds(person) and hint in ("", person.sign_in_name, person.upn.lower(), str(person.oid))

    def again(self, **changes: str) -> str:
        """The address of the same request with other parameters; an empty one is left out."""
        changes = {"prompt": self.lasting_prompt, **changes}
        pairs = [(name, value) for name, value in parse_qsl(self.query) if name not in changes]
        more = [(name, value) for name, value in changes.items() if value]
        return f"{reverse(self.begins, args=[self.where.segment])}?{urlencode([*pairs, *more])}"

    def step(self, name: str) -> str:
        """The address to which a page of this errand sends its form."""
        return f"{reverse(name, args=[self.where.segment])}?{self.query}"


def address(segment: str, sent: Mapping[str, str], *, mode: str) -> tuple[Directory, Reply]:
    """The application and its registered address, or a refusal that must be shown on a page."""
    where = directory(segment)
    if not sent.get("client_id"):
        raise Refused(900144, parameter="client_id")
    application = clients.find(sent["client_id"], where)
    redirect_uri = sent.get("redirect_uri", "")
    if not [*application.redirect_uris, *application.spa_redirect_uris]:
        raise Refused(900971)
    if not is_registered(redirect_uri, application):
        raise Refused(50011, redirect_uri=redirect_uri, client_id=str(application.client_id))
    return where, Reply(application, redirect_uri, mode, sent.get("state"))


def is_registered(redirect_uri: str, application: Application) -> bool:
    known = [*application.redirect_uris, *application.spa_redirect_uris]
    return addresses.is_registered(redirect_uri, known, on_any_port=application.is_public)
