"""The authorization request, read and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from integrations.simulator.entra import clients, scopes
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import Scopes
from integrations.simulator.entra.tenants import Directory, directory
from integrations.simulator.models import Application

# fmt: off
PARAMETERS = (
    "client_id", "response_type", "redirect_uri", "scope", "response_mode", "state", "nonce", "prompt",
    "login_hint", "domain_hint", "code_challenge", "code_challenge_method", "claims", "client_info",
)
# fmt: on
PROMPTS = ("login", "none", "consent", "select_account", "create")
MODES = ("query", "fragment", "form_post")


@dataclass(frozen=True)
class Reply:
    """Where the answer goes; known good before anything is ever sent there."""

    application: Application
    redirect_uri: str
    mode: str
    state: str | None

    @property
    def origin(self) -> str:
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, parameters: Mapping[str, str]) -> str:
        """The redirect for `query` and `fragment`; parameters that the registered address has are kept."""
        parts = urlsplit(self.redirect_uri)
        if self.mode == "fragment":
            return urlunsplit(parts._replace(fragment=urlencode(parameters)))
        query = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
        return urlunsplit(parts._replace(query=urlencode(query)))


@dataclass(frozen=True)
class Asked:
    where: Directory
    reply: Reply
    scopes: Scopes
    prompt: str
    login_hint: str
    nonce: str | None
    challenge: str | None
    challenge_method: str
    wants_client_info: bool
    query: str
    """The request as a query string, for the forms of the pages that follow."""

    @property
    def application(self) -> Application:
        return self.reply.application

    def without_prompt(self, **changes: str) -> str:
        """The same request after the person has done what `prompt` wanted of them."""
        pairs = [(name, value) for name, value in parse_qsl(self.query) if name != "prompt" and name not in changes]
        kept = [("prompt", "consent")] if self.prompt == "consent" else []
        return urlencode([*pairs, *kept, *changes.items()])


def reply(segment: str, sent: Mapping[str, str]) -> tuple[Directory, Reply]:
    """Refusals from here are shown on a page: there is nowhere safe to redirect to yet."""
    where = directory(segment)
    if not sent.get("client_id"):
        raise Refused(900144, parameter="client_id")
    application = clients.find(sent["client_id"], where)
    redirect_uri = sent.get("redirect_uri", "")
    if redirect_uri not in application.redirect_uris:
        raise Refused(50011, redirect_uri=redirect_uri, client_id=str(application.client_id))
    mode = sent.get("response_mode") or "query"
    return where, Reply(application, redirect_uri, mode if mode in MODES else "query", sent.get("state"))


def read(where: Directory, to: Reply, sent: Mapping[str, str]) -> Asked:
    """Refusals from here go back to the application by redirect."""
    _check_response(sent)
    method = sent.get("code_challenge_method") or "plain"
    challenge = sent.get("code_challenge") or None
    if method not in ("plain", "S256"):
        raise Refused(90023, parameter="code_challenge_method", value=method)
    if challenge and not 43 <= len(challenge) <= 128:
        raise Refused(501491)
    prompt = sent.get("prompt", "")
    if prompt and prompt not in PROMPTS:
        raise Refused(90023, parameter="prompt", value=prompt)
    return Asked(
        where=where,
        reply=to,
        scopes=scopes.read(sent.get("scope", ""), app=to.application.name),
        prompt=prompt,
        login_hint=sent.get("login_hint", "").strip().lower(),
        nonce=sent.get("nonce") or None,
        challenge=challenge,
        challenge_method=method,
        wants_client_info=sent.get("client_info") == "1",
        query=urlencode([(name, sent[name]) for name in PARAMETERS if sent.get(name)]),
    )


def _check_response(sent: Mapping[str, str]) -> None:
    response_type = sent.get("response_type", "")
    if not response_type:
        raise Refused(900144, parameter="response_type")
    if "id_token" in response_type.split():
        raise Refused(700054)
    if response_type != "code":
        raise Refused(70005, response_type=response_type)
    mode = sent.get("response_mode")
    if mode and mode not in MODES:
        raise Refused(90023, parameter="response_mode", value=mode)
