"""The ways by which a person connects: to what, by which API, and how. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.capabilities import Capabilities, capabilities_of
from integrations.policy import Shape
from integrations.preferences import Api, Method, Service, ServicePolicy


@dataclass(frozen=True)
class Way:
    service: Service = Service.OFFICE_365
    api: Api = Api.GRAPH
    method: Method = Method.OAUTH
    # Of an organization's own server: its EWS address.
    server: str = ""

    @property
    def is_at_microsoft(self) -> bool:
        """The person signs in there, and a token comes of it."""
        return self.service is Service.OFFICE_365

    @property
    def capabilities(self) -> Capabilities:
        return capabilities_of(self.service, self.api, self.method)

    def wish(self, *, calendar_write: bool = False, contacts_write: bool = False, domain: str = "") -> Shape:
        """For the policy to look at. What this way cannot do is not wished for."""
        is_limited = self.capabilities.limits_permissions
        return Shape(
            service=self.service,
            api=self.api,
            method=self.method,
            server=self.server,
            calendar_write=calendar_write and is_limited,
            contacts_write=contacts_write and is_limited,
            domain=domain,
        )


GRAPH = Way()


def own_way(policy: ServicePolicy) -> Way:
    """By which people go themselves. Where their organization does it for them, the way that would be theirs; the
    policy then says that it is not."""
    by_organization = policy.who_can_set_up is Method.APPLICATION_PERMISSIONS
    return Way(
        service=policy.default_service,
        api=policy.authorize_with,
        method=Method.OAUTH if by_organization else policy.who_can_set_up,
        server=policy.ews_url if policy.default_service is Service.EXCHANGE else "",
    )
