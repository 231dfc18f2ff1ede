"""The authorization request, read and checked once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from integrations.simulator.entra import scopes, step_up, wishes
from integrations.simulator.entra.errand import Errand, Reply, address
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.scopes import Scopes
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import BrowserSession

# fmt: off
PARAMETERS = (
    "client_id", "response_type", "redirect_uri", "scope", "response_mode", "state", "nonce", "prompt",
    "login_hint", "max_age", "domain_hint", "code_challenge", "code_challenge_method", "claims", "client_info",
    "client-request-id",
)
# fmt: on
PROMPTS = ("login", "none", "consent", "select_account", "create")
MODES = ("query", "fragment", "form_post")
RESPONSE_TYPES = ({"code"}, {"id_token"}, {"code", "id_token"})
# Base64url of SHA-256; a plain challenge is the verifier itself (RFC 7636 §4).
_HASHED = re.compile(r"[A-Za-z0-9_-]{43}")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True)
class Asked(Errand):
    scopes: Scopes
    response_types: frozenset[str]
    prompt: str
    nonce: str | None
    challenge: str | None
    challenge_method: str
    wants_client_info: bool
    max_age: timedelta | None = None
    wants_auth_time: bool = False

    @property
    def lasting_prompt(self) -> str:
        """What of `prompt` is still to be done after the first page."""
        return self.prompt if self.prompt in ("login", "consent") else ""

    def is_too_old(self, session: BrowserSession, *, now: datetime) -> bool:
        """The sign-in is: the application asked for a newer one."""
        return self.max_age is not None and now - session.signed_in_at > self.max_age


def reply(segment: str, sent: Mapping[str, str]) -> tuple[Directory, Reply]:
    """Refusals from here are shown on a page: there is nowhere safe to redirect to yet."""
    return address(segment, sent, mode=_mode(sent))


def read(where: Directory, to: Reply, sent: Mapping[str, str]) -> Asked:
    """Refusals from here go back to the application by redirect."""
    types = _response_types(sent, to)
    wanted = scopes.read(sent.get("scope", ""), app=to.application.name)
    if "id_token" in types:
        _check_id_token(wanted, sent)
    prompt = sent.get("prompt", "")
    if prompt and prompt not in PROMPTS:
        raise Refused(90023, parameter="prompt", value=prompt)
    max_age = _max_age(sent)
    challenge, method = _challenge(sent, must_be_there=to.is_spa and "code" in types)
    return Asked(
        where=where,
        reply=to,
        query=urlencode([(name, sent[name]) for name in PARAMETERS if sent.get(name)]),
        begins="authorize",
        login_hint=sent.get("login_hint", "").strip().lower(),
        domain_hint=sent.get("domain_hint", "").strip().lower(),
        demands_mfa=step_up.demands_mfa(sent.get("claims", "")),
        scopes=wanted,
        response_types=frozenset(types),
        prompt=prompt,
        nonce=sent.get("nonce") or None,
        challenge=challenge,
        challenge_method=method,
        wants_client_info=sent.get("client_info") == "1",
        max_age=max_age,
        wants_auth_time=max_age is not None or prompt == "login" or wishes.names(sent.get("claims", ""), "auth_time"),
    )


def _mode(sent: Mapping[str, str]) -> str:
    """Where an answer goes, a refusal too; an id_token never travels in a query."""
    mode = sent.get("response_mode", "")
    if "id_token" in sent.get("response_type", "").split():
        return mode if mode in ("fragment", "form_post") else "fragment"
    return mode if mode in MODES else "query"


def _response_types(sent: Mapping[str, str], to: Reply) -> set[str]:
    text = sent.get("response_type", "")
    if not text:
        raise Refused(900144, parameter="response_type")
    types = set(text.split())
    if types not in RESPONSE_TYPES:
        raise Refused(70005, response_type=text)
    if "id_token" in types and not to.application.issues_id_tokens:
        raise Refused(700054)
    mode = sent.get("response_mode")
    if mode and mode not in MODES:
        raise Refused(90023, parameter="response_mode", value=mode)
    if mode == "query" and "id_token" in types:
        raise Refused(70007, mode=mode)
    return types


def _check_id_token(wanted: Scopes, sent: Mapping[str, str]) -> None:
    if "openid" not in wanted.oidc:
        raise Refused(70011, scope=sent.get("scope", ""))
    if not sent.get("nonce"):
        raise Refused(900144, parameter="nonce")


def _max_age(sent: Mapping[str, str]) -> timedelta | None:
    text = sent.get("max_age", "")
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise Refused(90023, parameter="max_age", value=text[:100])
    return timedelta(seconds=int(text))


def _challenge(sent: Mapping[str, str], *, must_be_there: bool) -> tuple[str | None, str]:
    """Left out, the method is `plain`. Single-page applications must send a challenge to get a code."""
    method = sent.get("code_challenge_method") or "plain"
    challenge = sent.get("code_challenge") or None
    if method not in ("plain", "S256"):
        raise Refused(90023, parameter="code_challenge_method", value=method)
    if challenge is None:
        if must_be_there:
            raise Refused(9002325)
        return None, method
    if not (_HASHED if method == "S256" else _PLAIN).fullmatch(challenge):
        raise Refused(501491)
    return challenge, method
