"""What the effective settings permit a person to connect, and whether a connection still fits. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integrations.preferences import Api, Integrations, Method, Service


class Obstacle(StrEnum):
    """Why not, from a closed list."""

    TURNED_OFF = "turned_off"
    ANOTHER_SERVICE = "another_service"
    ANOTHER_API = "another_api"
    SET_UP_BY_ADMIN = "set_up_by_admin"
    CALENDAR_WRITE = "calendar_write"
    CONTACTS_WRITE = "contacts_write"


@dataclass(frozen=True)
class Shape:
    """What of a connection, or of a wish for one, the policy looks at."""

    service: Service = Service.OFFICE_365
    api: Api = Api.GRAPH
    method: Method = Method.OAUTH
    calendar_write: bool = False
    contacts_write: bool = False


def may_connect(settings: Integrations, wish: Shape) -> Obstacle | None:
    """None: yes. The permissions in the settings are a ceiling, locked or not."""
    if not settings.enabled:
        return Obstacle.TURNED_OFF
    return _way(settings, wish) or _too_much(settings, wish)


def still_fits(settings: Integrations, shape: Shape, *, services_locked: bool) -> Obstacle | None:
    """None: yes. Where the policy is unlocked, another service or more than is ticked now may stay."""
    if not settings.enabled:
        return Obstacle.TURNED_OFF
    if not services_locked:
        return None
    return _way(settings, shape) or _too_much(settings, shape)


def _way(settings: Integrations, shape: Shape) -> Obstacle | None:
    if settings.services.default_service.value != shape.service.value:
        return Obstacle.ANOTHER_SERVICE
    if settings.services.authorize_with != shape.api:
        return Obstacle.ANOTHER_API
    if settings.services.who_can_set_up != shape.method:
        return Obstacle.SET_UP_BY_ADMIN
    return None


def _too_much(settings: Integrations, shape: Shape) -> Obstacle | None:
    if shape.calendar_write and not settings.services.calendar_write:
        return Obstacle.CALENDAR_WRITE
    if shape.contacts_write and not settings.services.contacts_write:
        return Obstacle.CONTACTS_WRITE
    return None
