"""The *Integrations* section of Mail & Calendar, in the portal's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from accounts.cascade.declare import ACCOUNT_AND_GROUP, BadValue, Level, Option, Page, Section, part, setting
from accounts.domain_names import listed
from integrations.domains import DomainRule
from integrations.ews_addresses import LONGEST, canonical, is_canonical
from integrations.exchange.retirement import FULL_MAILBOX, SAYS_DATES

MAIL_AND_CALENDAR = Page(slug="mail-calendar", title="Mail & Calendar")


class Service(StrEnum):
    OFFICE_365 = "office_365"
    # Exchange Server on-premises.
    EXCHANGE = "exchange"


class Api(StrEnum):
    GRAPH = "graph"
    EWS = "ews"


class Method(StrEnum):
    """Who sets the integration up."""

    OAUTH = "oauth"
    APPLICATION_PERMISSIONS = "application_permissions"
    # To a server of the organization's own: everybody with a password, or all by one account.
    PASSWORD = "password"  # noqa: S105  a method, not a password
    IMPERSONATION = "impersonation"


class SsoPrompt(StrEnum):
    """When people who sign in with single sign-on are asked to connect their calendar."""

    OFF = "off"
    FIRST_TIME = "first_time"
    EVERY_TIME = "every_time"


SERVICE_NAMES = {Service.OFFICE_365: "Office 365", Service.EXCHANGE: "Exchange"}
API_NAMES = {Api.GRAPH: "Graph API", Api.EWS: "Exchange Web Services (EWS)"}

# What belongs together. An organization's own servers know neither Graph nor Microsoft's sign-in; and Microsoft takes
# no passwords of people.
APIS = {Service.OFFICE_365: (Api.GRAPH, Api.EWS), Service.EXCHANGE: (Api.EWS,)}
METHODS = {
    Service.OFFICE_365: (Method.OAUTH, Method.APPLICATION_PERMISSIONS),
    Service.EXCHANGE: (Method.PASSWORD, Method.IMPERSONATION),
}
# What the operator allows of a typed EWS URL, filled when the application starts. It answers "" for Microsoft's own.
address_rules: list[Callable[[str], str]] = []


def typed_address(typed: str) -> str:
    """The EWS URL to be stored. Raises ValueError with a sentence."""
    for rule in address_rules:
        typed = rule(typed)
    return canonical(typed)


@dataclass(frozen=True)
class ServicePolicy:
    """Which service, by which way, and how much of it. One decision, so that no incoherent mixture of two
    levels can arise."""

    default_service: Service = part(
        default=Service.OFFICE_365,
        label="Choose default calendar and contact services for users",
        help="Preselected when somebody sets up the integration.",
        options=(
            Option(Service.OFFICE_365, SERVICE_NAMES[Service.OFFICE_365]),
            Option(Service.EXCHANGE, SERVICE_NAMES[Service.EXCHANGE]),
        ),
    )
    authorize_with: Api = part(
        default=Api.GRAPH,
        label="Authorize with",
        options=(
            Option(
                Api.GRAPH,
                API_NAMES[Api.GRAPH],
                help="People see each permission before they give it.",
                only_with=(Service.OFFICE_365,),
            ),
            Option(
                Api.EWS,
                API_NAMES[Api.EWS],
                help="For Exchange servers of your own, or until you have moved to Graph API.",
                warning=f"{FULL_MAILBOX} {SAYS_DATES}",
            ),
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
                only_with=(Service.OFFICE_365,),
            ),
            Option(
                Method.APPLICATION_PERMISSIONS,
                "Office 365 admin can set up the integration by using Application Permissions",
                help="One consent for the organization connects everybody who is covered. Primary calendars only.",
                only_with=(Service.OFFICE_365,),
            ),
            Option(
                Method.PASSWORD,
                "Users can set up the integration by using their Exchange user name and password",
                help="Each person types them once, and again whenever the password changes. They are kept sealed.",
                only_with=(Service.EXCHANGE,),
            ),
            Option(
                Method.IMPERSONATION,
                "Exchange admin can set up the integration by using an impersonation account",
                help="One account of yours opens the mailbox of each person’s own address. Nobody types a password.",
                only_with=(Service.EXCHANGE,),
            ),
        ),
    )
    # Ceilings: reading is always part of it.
    calendar_write: bool = part(
        default=True, label="People may give permission to write their calendar", only_with=(Api.GRAPH,)
    )
    contacts_write: bool = part(
        default=True, label="People may give permission to write their contacts", only_with=(Api.GRAPH,)
    )
    # Of Application Permissions alone: what an organization's consent is used for besides calendars.
    organization_contacts: bool = part(
        default=False,
        label="With Application Permissions, read people’s contacts too",
        help="Needs Contacts.Read for the whole organization. Leave it off if calendars are all that you need.",
        only_with=(Api.GRAPH, Method.APPLICATION_PERMISSIONS),
    )
    # Of EWS alone: "" is Microsoft's own address; a server of the organization's own has one of its own.
    ews_url: str = part(
        default="",
        label="EWS URL",
        help=(
            "Of your own Exchange server, such as https://mail.example.com/EWS/Exchange.asmx. With Office 365 leave it "
            "empty: only Microsoft’s own address is asked there."
        ),
        parse=typed_address,
        show=lambda url: url or "Microsoft’s own",
        most=LONGEST,
        only_with=(Api.EWS,),
        is_kept=False,
    )

    def __post_init__(self) -> None:
        """Raises BadValue where the parts do not belong together."""
        if problems := tuple(_incoherences(self)):
            raise BadValue(str(problems[0]), part=problems[0].part, also=problems[1:])


def _incoherences(policy: ServicePolicy) -> Iterator[BadValue]:
    is_own_server = policy.default_service is Service.EXCHANGE
    if policy.authorize_with not in APIS[policy.default_service]:
        yield BadValue(
            "Exchange servers of your own know Exchange Web Services (EWS) only. Choose it, or choose Office 365.",
            part="authorize_with",
        )
    if policy.who_can_set_up not in METHODS[policy.default_service]:
        yield BadValue(_WRONG_METHOD[policy.default_service], part="who_can_set_up")
    if is_own_server and not policy.ews_url:
        yield BadValue(
            "Say at which address your own Exchange server answers; Microsoft’s own is of Office 365.", part="ews_url"
        )
    if not is_canonical(policy.ews_url):
        yield BadValue("The EWS URL is not as Meridian writes it.", part="ews_url")
    elif policy.ews_url and not is_own_server:
        yield BadValue(
            "Office 365 is asked at Microsoft’s own address and no other, because Microsoft’s keys are sent there. "
            "Leave it empty; for a server of your own choose Exchange.",
            part="ews_url",
        )


_WRONG_METHOD = {
    Service.OFFICE_365: "With Office 365, people use OAuth, or an Office 365 admin uses Application Permissions.",
    Service.EXCHANGE: "With Exchange, people use their own user name and password, or an admin sets an impersonation "
    "account.",
}


def say_policy(policy: ServicePolicy) -> str:
    return f"{SERVICE_NAMES[policy.default_service]} by {API_NAMES[policy.authorize_with]}"


SSO_PROMPTS = (
    Option(SsoPrompt.OFF, "Off"),
    Option(
        SsoPrompt.FIRST_TIME,
        "Ask users the first time they sign in",
        help="Once, whatever comes of it. An admin may have somebody asked again.",
    ),
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
        label="Ask users to integrate Office 365 calendar when signing in with SSO credentials",
        help=(
            "After single sign-on, and only then, whoever may connect Office 365 by OAuth and has no working "
            "connection is asked to. Nobody is connected without agreeing at Microsoft, and everybody may go on "
            "without it."
        ),
        options=SSO_PROMPTS,
        say=say_prompt,
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
