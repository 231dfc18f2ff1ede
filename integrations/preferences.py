"""The *Integrations* section of Mail & Calendar, in the portal's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.cascade.declare import ACCOUNT_AND_GROUP, Confirmation, Option, Page, Section, part, setting

MAIL_AND_CALENDAR = Page(slug="mail-calendar", title="Mail & Calendar")


class Service(StrEnum):
    OFFICE_365 = "office_365"


class Api(StrEnum):
    GRAPH = "graph"
    EWS = "ews"


class Method(StrEnum):
    """Who sets the integration up."""

    OAUTH = "oauth"
    APPLICATION_PERMISSIONS = "application_permissions"


SERVICE_NAMES = {Service.OFFICE_365: "Office 365"}
API_NAMES = {Api.GRAPH: "Graph API", Api.EWS: "Exchange Web Services (EWS)"}


@dataclass(frozen=True)
class ServicePolicy:
    """Which service, by which way, and how much of it. One decision, so that no incoherent mixture of two
    levels can arise."""

    default_service: Service = part(
        default=Service.OFFICE_365,
        label="Choose default calendar and contact services for users",
        help="Preselected when somebody sets up the integration.",
        options=(Option(Service.OFFICE_365, SERVICE_NAMES[Service.OFFICE_365]),),
    )
    authorize_with: Api = part(
        default=Api.GRAPH,
        label="Authorize with",
        options=(
            Option(Api.GRAPH, API_NAMES[Api.GRAPH], help="People see each permission before they give it."),
            Option(Api.EWS, API_NAMES[Api.EWS], offered=False),
        ),
    )
    who_can_set_up: Method = part(
        default=Method.OAUTH,
        label="Who can set up the integration",
        options=(
            Option(
                Method.OAUTH,
                "Users can set up the integration by using OAuth",
                help="Each person signs in at Microsoft once, and again when Microsoft asks.",
            ),
            Option(
                Method.APPLICATION_PERMISSIONS,
                "Office 365 admin can set up the integration by using Application Permissions",
                offered=False,
            ),
        ),
    )
    # Ceilings: reading is always part of it.
    calendar_write: bool = part(default=True, label="People may give permission to write their calendar")
    contacts_write: bool = part(default=True, label="People may give permission to write their contacts")


def say_policy(policy: ServicePolicy) -> str:
    return f"{SERVICE_NAMES[policy.default_service]} by {API_NAMES[policy.authorize_with]}"


class Integrations(Section, prefix="integrations", title="Integrations", page=MAIL_AND_CALENDAR):
    enabled: bool = setting(
        default=True,
        label="Integrate third-party mail and calendar services",
        help=(
            "People may connect the calendar and contacts of their work account. This switch connects nobody by itself."
        ),
        confirmation=Confirmation(
            to_on="Enable “Integrate third-party mail and calendar services”?",
            to_off="Disable “Integrate third-party mail and calendar services”?",
        ),
    )
    services: ServicePolicy = setting(
        default=ServicePolicy(),
        levels=ACCOUNT_AND_GROUP,
        label="Services and permissions",
        help="What people may connect, how, and how much of it.",
        say=say_policy,
    )
