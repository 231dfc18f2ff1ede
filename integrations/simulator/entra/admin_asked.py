"""What the two admin-consent endpoints are asked.

They answer in their own, odd ways, which `FORMS` has. `admin_consent=True` comes with refusals too. When an
administrator declines, the old endpoint answers as it has been seen to (`access_denied` with 65004, no tenant; its
documentation says `permission_denied`), the new one as documented (`consent_required` with 65004 and the tenant).
Somebody who is no administrator goes back from either with `access_denied` and `error_subcode=cancel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from integrations.simulator.entra import resources, scopes
from integrations.simulator.entra.errand import Errand, Reply, address
from integrations.simulator.entra.errors import KINDS, Refused
from integrations.simulator.entra.scopes import OIDC, Scopes, join
from integrations.simulator.entra.tenants import Directory
from integrations.simulator.models import Person

PARAMETERS = ("client_id", "scope", "redirect_uri", "state", "login_hint", "client-request-id")
OLD, NEW = "adminconsent", "adminconsent_v2"


@dataclass(frozen=True)
class Form:
    """`declined` and `says` are the `error` and its text when an administrator says no."""

    declined: str
    says: str
    tells_tenant: bool
    tells_scope: bool


FORMS = {
    OLD: Form("access_denied", KINDS[65004].text, tells_tenant=False, tells_scope=False),
    NEW: Form(
        "consent_required",
        "The resource owner or authorization server denied the request.",
        tells_tenant=True,
        tells_scope=True,
    ),
}


@dataclass(frozen=True, kw_only=True)
class AdminAsked(Errand):
    scopes: Scopes | None
    """None at the old endpoint: everything the registration lists."""

    @property
    def form(self) -> Form:
        return FORMS[self.begins]

    @property
    def declined(self) -> Refused:
        return Refused(65004, replace(KINDS[65004], error=self.form.declined, text=self.form.says))

    @property
    def names(self) -> tuple[str, ...]:
        """Delegated permissions."""
        listed = tuple(self.application.permissions)
        if self.scopes is None:
            return join(listed)
        of_resource = tuple(name for name in listed if resources.of(name) in self.scopes.resources)
        return join(self.scopes.names, of_resource if self.scopes.is_default else ())

    @property
    def roles(self) -> tuple[str, ...]:
        """Application permissions: named scopes ask for none."""
        if self.scopes is None:
            return join(self.application.roles)
        if not self.scopes.is_default:
            return ()
        return join(name for name in self.application.roles if resources.of(name) in self.scopes.resources)

    def granted(self) -> dict[str, str]:
        """`scope` of the callback: what was granted, each with its resource."""
        full = (name if name in OIDC or "://" in name else f"{resources.GRAPH.audience}/{name}" for name in self.names)
        on_its_own = (name if "://" in name else f"{resources.GRAPH.audience}/{name}" for name in self.roles)
        return {"scope": " ".join(join(full, on_its_own))} if self.form.tells_scope else {}

    def by(self, person: Person) -> Reply:
        """Once the administrator is known, so is the tenant that a refusal names."""
        told = [("tenant", str(person.tenant.tid))] if self.form.tells_tenant else []
        return replace(self.reply, on_refusal=(("admin_consent", "True"), *told))


def reply(segment: str, sent: Mapping[str, str]) -> tuple[Directory, Reply]:
    """Refusals from here are shown on a page. The new endpoint has no `common`: 90130."""
    where, found = address(segment, sent, mode="query")
    if _flow(sent) == NEW and where.segment == "common":
        raise Refused(90130, client_id=str(found.application.client_id), app=found.application.name)
    told = [("tenant", str(where.tenant.tid))] if _flow(sent) == NEW and where.tenant else []
    return where, replace(found, on_refusal=(("admin_consent", "True"), *told))


def read(where: Directory, to: Reply, sent: Mapping[str, str]) -> AdminAsked:
    """Refusals from here go back to the application."""
    flow = _flow(sent)
    if flow == NEW and not sent.get("scope"):
        raise Refused(900144, parameter="scope")
    kept = [(name, sent[name]) for name in PARAMETERS if sent.get(name)]
    return AdminAsked(
        where=where,
        reply=to,
        query=urlencode([*kept, ("flow", flow)]),
        begins=flow,
        login_hint=sent.get("login_hint", "").strip().lower(),
        gives_tokens=False,
        scopes=scopes.read(sent["scope"], app=to.application.name) if flow == NEW else None,
    )


def _flow(sent: Mapping[str, str]) -> str:
    return NEW if sent.get("flow") == NEW else OLD
