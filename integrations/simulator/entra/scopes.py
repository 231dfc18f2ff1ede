"""How a request's scope is read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from integrations.simulator.entra import resources
from integrations.simulator.entra.delegated import PERMISSIONS
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.permission import Permission
from integrations.simulator.entra.resources import GRAPH, Resource
from integrations.simulator.entra.roles import ROLES

__all__ = ["OIDC", "PERMISSIONS", "ROLES", "Permission", "Scopes", "join", "read"]

OIDC = ("openid", "profile", "email", "offline_access")
T = TypeVar("T")
_BY_LOWER = {name.lower(): name for name in PERMISSIONS}


@dataclass(frozen=True)
class Scopes:
    """What a request asked for. Graph's names are spelt as Microsoft spells them, others carry their resource."""

    names: tuple[str, ...]
    is_default: bool = False
    resources: tuple[Resource, ...] = (GRAPH,)
    """In the order in which they were named; OpenID Connect's scopes are of none, and stand for Graph alone."""
    is_spelt_out: bool = False
    """Graph's scopes were sent with their resource; so are they then in the answer."""

    @property
    def oidc(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in OIDC)

    @property
    def graph(self) -> tuple[str, ...]:
        """All but OpenID Connect's."""
        return tuple(name for name in self.names if name not in OIDC)

    def of(self, resource: Resource) -> tuple[str, ...]:
        return tuple(name for name in self.graph if resources.of(name) is resource)


def read(text: str, *, app: str, tenant: str = "") -> Scopes:
    """Refuses what is empty, mixed or malformed (70011), what a resource has not (650053), resources that the tenant
    has not (500011), and `.default` of several at once (700022)."""
    words = [_split(word, text, tenant) for word in text.split()]
    if not words:
        raise Refused(70011, scope=text)
    defaults = join(resource for resource, name, _ in words if name.lower() == ".default")
    names = join(_known(resource, name, app) for resource, name, _ in words if name.lower() != ".default")
    found = Scopes(
        names,
        is_default=bool(defaults),
        resources=_in_order(words) or (GRAPH,),
        is_spelt_out=any(is_spelt_out and resource is GRAPH for resource, _, is_spelt_out in words),
    )
    if len(defaults) > 1:
        raise Refused(700022, scope=text)
    if defaults and found.graph:
        raise Refused(70011, scope=text)
    return found


def join(*groups: Iterable[T]) -> tuple[T, ...]:
    """All of them, each once, in the order they came."""
    return tuple(dict.fromkeys(item for group in groups for item in group))


def _split(word: str, text: str, tenant: str) -> tuple[Resource, str, bool]:
    """`https://graph.microsoft.com/User.Read` → Graph, `User.Read`, True."""
    identifier, slash, name = word.rpartition("/")
    if not slash:
        return GRAPH, word, False
    found = resources.named(identifier)
    if found is None and _can_be_a_resource(identifier):
        raise Refused(500011, resource=identifier, tenant=tenant)
    if found is None or not name:
        raise Refused(70011, scope=text)
    return found, name, True


def _can_be_a_resource(identifier: str) -> bool:
    scheme, separator, rest = identifier.partition("://")
    if separator:
        return scheme.isalnum() and bool(rest.strip("/"))
    try:
        UUID(identifier)
    except ValueError:
        return False
    return True


def _known(resource: Resource, name: str, app: str) -> str:
    full = name if resource is GRAPH else f"{resource.audience}/{name}"
    known = _BY_LOWER.get(full.lower())
    if known is None:
        raise Refused(650053, app=app, scope=name, resource=resource.app_id)
    return known


def _in_order(words: Iterable[tuple[Resource, str, bool]]) -> tuple[Resource, ...]:
    return join(resource for resource, name, _ in words if name.lower() not in OIDC)
