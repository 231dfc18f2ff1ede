"""What the effective settings permit a person to connect, and whether a connection still fits. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from integrations.failures import Reason
from integrations.preferences import Api, Integrations, Method, Service, ServicePolicy


class Obstacle(StrEnum):
    """Why not, from a closed list."""

    TURNED_OFF = "turned_off"
    ANOTHER_SERVICE = "another_service"
    ANOTHER_API = "another_api"
    ANOTHER_SERVER = "another_server"
    SET_UP_BY_ADMIN = "set_up_by_admin"
    SET_UP_BY_PEOPLE = "set_up_by_people"
    DOMAIN = "domain"
    CALENDAR_WRITE = "calendar_write"
    CONTACTS_WRITE = "contacts_write"


@dataclass(frozen=True)
class Shape:
    """What of a connection, or of a wish for one, the policy looks at."""

    service: Service = Service.OFFICE_365
    api: Api = Api.GRAPH
    method: Method = Method.OAUTH
    # Of an organization's own server: its EWS address; "" while nobody knows it.
    server: str = ""
    # Of one that its person made: the organization's own consent is about to carry it, so it may stay until then.
    may_move: bool = False
    # Of one by EWS: nothing has shown that Graph cannot carry it, so it may stay until that is known.
    may_leave: bool = False
    calendar_write: bool = False
    contacts_write: bool = False
    # Of the calendar account's address, as `domains.domain_of` makes it; "" while nobody knows it.
    domain: str = ""


class Held(Protocol):
    """What holds for somebody: the values, and the names of those that a level above has locked."""

    @property
    def values(self) -> Integrations: ...

    @property
    def locked(self) -> frozenset[str]: ...


def may_connect(settings: Integrations, wish: Shape) -> Obstacle | None:
    """None: yes. The permissions in the settings are a ceiling, locked or not."""
    if not settings.enabled:
        return Obstacle.TURNED_OFF
    return _way(settings, wish) or _place(settings, wish) or _too_much(settings, wish)


def still_fits(held: Held, shape: Shape) -> Obstacle | None:
    """None: yes. Where the policy is unlocked, another service, another method or more than is ticked now may stay;
    the switch and the domains count always."""
    if "services" in held.locked:
        return may_connect(held.values, shape)
    if not held.values.enabled:
        return Obstacle.TURNED_OFF
    return _place(held.values, shape)


def surplus(settings: Integrations, shape: Shape) -> tuple[Obstacle, ...]:
    """What of a connection is more than is ticked now; where the policy is unlocked, it stays and is marked."""
    found = []
    if shape.calendar_write and not settings.services.calendar_write:
        found.append(Obstacle.CALENDAR_WRITE)
    if shape.contacts_write and not settings.services.contacts_write:
        found.append(Obstacle.CONTACTS_WRITE)
    return tuple(found)


def excess(held: Held, shape: Shape) -> tuple[Obstacle, ...]:
    """What is taken from a connection that stays, without blocking it. Of one that the organization carries, or is
    about to, nobody but the settings decides how much it may."""
    if shape.method == Method.APPLICATION_PERMISSIONS or ("services" in held.locked and _is_moved(held.values, shape)):
        return surplus(held.values, shape)
    return ()


def may_leave_ews(held: Held, wish: Shape, reason: str) -> bool:
    """Whether somebody whose EWS has stopped for `reason` may go on by Graph without asking an admin, who left the way
    open. `wish`: the connection they have, with the permissions that they would give."""
    policy = held.values.services
    is_stopped = wish.api == Api.EWS and reason in (Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)
    is_open = "services" not in held.locked and _is_cloud(policy) and policy.authorize_with == Api.EWS
    if not is_stopped or not is_open or wish.service != Service.OFFICE_365 or not held.values.enabled:
        return False
    return _place(held.values, wish) is None and not surplus(held.values, wish)


def api_of(policy: ServicePolicy) -> Api:
    return policy.authorize_with


def is_for_graph(settings: Integrations) -> bool:
    """Whether the integration is turned on, and by Graph."""
    return settings.enabled and api_of(settings.services) == Api.GRAPH


def is_of_organization(policy: ServicePolicy) -> bool:
    """Whether people are connected by the consent of their organization, without a step of their own."""
    return policy.who_can_set_up == Method.APPLICATION_PERMISSIONS


def is_by_organization(settings: Integrations) -> bool:
    return is_of_organization(settings.services)


def is_served_by_organization(settings: Integrations) -> bool:
    """The same, where the integration is turned on, and with the service of that organization."""
    return settings.enabled and _is_cloud(settings.services) and is_by_organization(settings)


def _way(settings: Integrations, shape: Shape) -> Obstacle | None:
    policy = settings.services
    if _leaves_ews(settings, shape):
        return None
    if policy.default_service != shape.service:
        return Obstacle.ANOTHER_SERVICE
    if policy.authorize_with != shape.api:
        return Obstacle.ANOTHER_API
    if policy.ews_url and shape.server and policy.ews_url != shape.server:
        return Obstacle.ANOTHER_SERVER
    if policy.who_can_set_up == shape.method or _is_moved(settings, shape):
        return None
    by_people = policy.who_can_set_up in (Method.OAUTH, Method.PASSWORD)
    return Obstacle.SET_UP_BY_PEOPLE if by_people else Obstacle.SET_UP_BY_ADMIN


def _leaves_ews(settings: Integrations, shape: Shape) -> bool:
    """EWS goes on while it answers, so that there is no gap before Graph has opened the same mailbox."""
    return shape.may_leave and shape.api == Api.EWS and api_of(settings.services) == Api.GRAPH


def _is_moved(settings: Integrations, shape: Shape) -> bool:
    is_same_api = shape.api == api_of(settings.services)
    return shape.may_move and shape.method == Method.OAUTH and is_same_api and is_by_organization(settings)


def _is_cloud(policy: ServicePolicy) -> bool:
    return policy.default_service == Service.OFFICE_365


def _place(settings: Integrations, shape: Shape) -> Obstacle | None:
    return None if settings.domains.allows(shape.domain) else Obstacle.DOMAIN


def _too_much(settings: Integrations, shape: Shape) -> Obstacle | None:
    """Only of what a person gives: what the organization gives is used as far as the settings go, see `excess`."""
    is_narrowed = shape.method == Method.APPLICATION_PERMISSIONS or _is_moved(settings, shape)
    return None if is_narrowed else next(iter(surplus(settings, shape)), None)
