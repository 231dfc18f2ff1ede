"""The *Integrations* section of Mail & Calendar, in the portal's own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.cascade.declare import ACCOUNT_AND_GROUP, Level, Option, Page, Section, part, setting
from accounts.domain_names import listed
from integrations.domains import DomainRule

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


class SsoPrompt(StrEnum):
    """When people who sign in with single sign-on are asked to connect their calendar."""

    OFF = "off"
    FIRST_TIME = "first_time"
    EVERY_TIME = "every_time"


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
                help="One consent for the organization connects everybody who is covered. Primary calendars only.",
            ),
        ),
    )
    # Ceilings: reading is always part of it.
    calendar_write: bool = part(default=True, label="People may give permission to write their calendar")
    contacts_write: bool = part(default=True, label="People may give permission to write their contacts")
    # Of Application Permissions alone: what an organization's consent is used for besides calendars.
    organization_contacts: bool = part(
        default=False,
        label="With Application Permissions, read people’s contacts too",
        help="Needs Contacts.Read for the whole organization. Leave it off if calendars are all that you need.",
    )


def say_policy(policy: ServicePolicy) -> str:
    return f"{SERVICE_NAMES[policy.default_service]} by {API_NAMES[policy.authorize_with]}"


SSO_PROMPTS = (
    Option(SsoPrompt.OFF, "Off"),
    Option(SsoPrompt.FIRST_TIME, "Ask users the first time they sign in"),
    Option(SsoPrompt.EVERY_TIME, "Ask users every time they sign in until they integrate the calendars"),
)
LONGEST_GRACE = 30  # days


def say_prompt(prompt: SsoPrompt) -> str:
    return next(option.label for option in SSO_PROMPTS if option.value == prompt)


def say_rule(rule: DomainRule) -> str:
    return f"Only {listed(rule.domains)}" if rule.is_on else "Off"


def say_days(days: int) -> str:
    return {0: "At once", 1: "After 1 day"}.get(days, f"After {days} days")


class Integrations(Section, prefix="integrations", title="Integrations", page=MAIL_AND_CALENDAR):
    enabled: bool = setting(
        default=True,
        label="Integrate third-party mail and calendar services",
        help=(
            "People may connect the calendar and contacts of their work account. This switch connects nobody by itself."
        ),
        consequential=True,
    )
    services: ServicePolicy = setting(
        default=ServicePolicy(),
        levels=ACCOUNT_AND_GROUP,
        label="Services and permissions",
        help="What people may connect, how, and how much of it.",
        say=say_policy,
        consequential=True,
        lock_binds=True,
    )
    sso_prompt: SsoPrompt = setting(
        default=SsoPrompt.OFF,
        levels=ACCOUNT_AND_GROUP,
        label="Ask users to integrate Office 365 calendar when signing in with SSO credentials",
        help="People are taken to Microsoft after they have signed in. Nobody is connected without agreeing there.",
        options=SSO_PROMPTS,
        say=say_prompt,
        offered=False,
    )
    domains: DomainRule = setting(
        default=DomainRule(),
        levels=ACCOUNT_AND_GROUP,
        label="Restrict calendar and contacts integration by domain",
        help=(
            "Only accounts whose address is of a listed domain can be connected. Sub-domains are not implied: "
            "kestrel.example does not allow eu.kestrel.example."
        ),
        say=say_rule,
        consequential=True,
    )
    expiry_alerts: bool = setting(
        default=True,
        label="Authentication expiry email alerts",
        help=(
            "People get an e-mail when Microsoft no longer accepts the access to their calendar, once each time it "
            "happens, with a link to reconnect."
        ),
    )
    grace: int = setting(
        default=7,
        levels=(Level.ACCOUNT,),
        label="Forget blocked connections after",
        help=(
            "How many days Meridian keeps its sealed access to a calendar that the settings no longer allow. Nothing "
            "uses it meanwhile; allowed again before, it comes back by itself. 0 forgets it at once. Connections that "
            "are blocked already keep the days they were promised."
        ),
        say=say_days,
        least=0,
        most=LONGEST_GRACE,
    )
