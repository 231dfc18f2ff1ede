"""What happens to Exchange Web Services: the switches of Exchange Online, and the server on-premises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from integrations.simulator import premises
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, choice, flag
from integrations.simulator.control.acts.reading import check_year
from integrations.simulator.ews import retirement
from integrations.simulator.models import Person, Premises, Tenant

GROUP = "Exchange Web Services"
SERVER = "Exchange Server on-premises"
NEVER_SET = "never_set"
SETTINGS = {"true": "True", "false": "False", NEVER_SET: "Never set"}
_VALUES = {"true": True, "false": False, NEVER_SET: None}
LONGEST_WAIT = 3_600_000


def enable_for_tenant(tenant: Tenant, *, setting: str, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(ews_enabled=_VALUES[setting])
    return f"EwsEnabled of {tenant.name}: {SETTINGS[setting].lower()}."


def allow_applications(tenant: Tenant, *, applications: list[str], listed: bool, now: datetime) -> str:
    found = [_guid(one) for one in applications] if listed else None
    Tenant.objects.filter(pk=tenant.pk).update(ews_allowed_app_ids=found)
    if found is None:
        return f"EwsAllowedAppIDs of {tenant.name} was never set."
    return (
        f"EwsAllowedAppIDs of {tenant.name}: {', '.join(found) or 'an empty list, which lets no application through'}."
    )


def set_policy_date(tenant: Tenant, *, day: str, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(ews_policy_date=_day(day) if day else None)
    return f"The retirement of Exchange Web Services is judged in {tenant.name} as on {day or 'the true day'}."


def enable_for_mailbox(person: Person, *, setting: str, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(ews_enabled=_VALUES[setting])
    return f"EwsEnabled of {person.name}’s mailbox: {SETTINGS[setting].lower()}."


def allow_impersonation(person: Person, *, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(may_impersonate=True)
    return f"{person.name} may open every mailbox that {person.tenant.name} has on-premises."


def forbid_impersonation(person: Person, *, now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(may_impersonate=False)
    return f"{person.name} may act for nobody any more."


def go_down(service: None, *, now: datetime) -> str:
    _become(now, is_down=True)
    return "The Exchange Server on-premises is down: its port refuses connections."


def come_up(service: None, *, now: datetime) -> str:
    _become(now, is_down=False)
    return "The Exchange Server on-premises is up."


def show_certificate(service: None, *, certificate: str, now: datetime) -> str:
    _become(now, certificate=certificate)
    return f"The certificate of the Exchange Server on-premises: {Premises.Certificate(certificate).label.lower()}."


def be_busy(service: None, *, milliseconds: int, now: datetime) -> str:
    _become(now, back_off_milliseconds=milliseconds or None)
    if not milliseconds:
        return "The Exchange Server on-premises has time again."
    return f"The Exchange Server on-premises answers ErrorServerBusy, with {milliseconds:,} ms to wait."


def follow(*, now: datetime) -> None:
    """What the database says of the server on-premises becomes true."""
    try:
        premises.follow(now=now)
    except premises.CannotListen as problem:
        Premises.objects.update_or_create(pk=1, defaults={"is_down": True})
        raise Unfit(str(problem), 409) from None


def _become(now: datetime, **values: object) -> None:
    Premises.objects.update_or_create(pk=1, defaults=values)
    follow(now=now)


def _guid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Unfit(f"“{text[:100]}” is no client id.") from None


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Unfit("“day” must be a date such as 2026-10-01.") from None
    check_year("day", day)
    return day


def _setting(subject: Tenant | Person) -> str:
    return next(name for name, value in _VALUES.items() if value is subject.ews_enabled)


def _service(
    name: str,
    label: str,
    effect: str,
    do: Callable[..., str],
    *parameters: Parameter,
    is_harmful: bool = False,
    fits: Callable[[None], bool] = lambda _: True,
) -> Action:
    return Action(
        on="service",
        name=name,
        label=label,
        group=SERVER,
        effect=effect,
        do=do,
        parameters=parameters,
        is_harmful=is_harmful,
        fits=fits,
    )


_EFFECT = "Organization and mailbox must both allow it. Who is refused gets 403 and X-EWS-Policy-Reason. "

ACTIONS = (
    Action(
        on="tenants",
        name="ews-enabled",
        label="EwsEnabled of the organization",
        group=GROUP,
        effect=f"{_EFFECT}Never set is yes until {retirement.BLOCKED_BY_DEFAULT:%-d %B %Y}, and no from that day on.",
        do=enable_for_tenant,
        parameters=(choice("setting", "Setting", SETTINGS, current=_setting),),
        is_harmful=True,
    ),
    Action(
        on="tenants",
        name="ews-allowed-apps",
        label="EwsAllowedAppIDs",
        group=GROUP,
        effect="Only these applications are let through, and an empty list lets none. From "
        f"{retirement.BLOCKED_BY_DEFAULT:%-d %B %Y} on, no list is an empty one. It counts at once; Microsoft takes up "
        "to a day.",
        do=allow_applications,
        parameters=(
            Parameter(
                name="applications",
                label="Client ids",
                kind=Kind.WORDS,
                is_required=False,
                default=[],
                current=lambda tenant: tenant.ews_allowed_app_ids or [],
            ),
            flag("listed", "There is a list", current=lambda tenant: tenant.ews_allowed_app_ids is not None),
        ),
        is_harmful=True,
    ),
    Action(
        on="tenants",
        name="ews-policy-date",
        label="The day of the retirement",
        group=GROUP,
        effect="By which day Exchange Online judges: from "
        f"{retirement.BLOCKED_BY_DEFAULT:%-d %B %Y} it is blocked unless allowed, from {retirement.ENDED:%-d %B %Y} it "
        "is gone. Left empty, it is the true day. No clock moves.",
        do=set_policy_date,
        parameters=(
            Parameter(
                name="day",
                label="Day",
                is_required=False,
                default="",
                hint="Such as 2026-10-01.",
                current=lambda tenant: tenant.ews_policy_date or "",
            ),
        ),
        is_harmful=True,
    ),
    Action(
        on="people",
        name="ews-enabled",
        label="EwsEnabled of the mailbox",
        group=GROUP,
        effect=f"{_EFFECT}Never set is yes. It is one of Exchange Online’s: a server on-premises does not ask.",
        do=enable_for_mailbox,
        parameters=(choice("setting", "Setting", SETTINGS, current=_setting),),
        is_harmful=True,
    ),
    Action(
        on="people",
        name="allow-impersonation",
        label="Give the role ApplicationImpersonation",
        group=GROUP,
        effect="On the server on-premises, this account may open every mailbox of the organization that is there.",
        do=allow_impersonation,
        fits=lambda person: not person.may_impersonate,
    ),
    Action(
        on="people",
        name="forbid-impersonation",
        label="Take ApplicationImpersonation away",
        group=GROUP,
        effect="Acting for others is refused with ErrorImpersonateUserDenied.",
        do=forbid_impersonation,
        is_harmful=True,
        fits=lambda person: person.may_impersonate,
    ),
    _service(
        "exchange-down",
        "Take it down",
        "Nothing listens at its port: connections are refused, and those that were open are closed.",
        go_down,
        is_harmful=True,
        fits=lambda _: not premises.current().is_down,
    ),
    _service(
        "exchange-up",
        "Bring it up",
        "It listens again.",
        come_up,
        fits=lambda _: premises.current().is_down,
    ),
    _service(
        "exchange-certificate",
        "Change its certificate",
        "The server begins anew with it. Clients that check certificates refuse all but the right one.",
        show_certificate,
        choice(
            "certificate",
            "Certificate",
            {str(value): str(label) for value, label in Premises.Certificate.choices},
            current=lambda _: premises.current().certificate,
        ),
        is_harmful=True,
    ),
    _service(
        "exchange-busy",
        "Make it busy",
        "Every request is answered with ErrorServerBusy and BackOffMilliseconds. 0 ends it.",
        be_busy,
        Parameter(
            name="milliseconds",
            label="Milliseconds to wait",
            kind=Kind.NUMBER,
            most=LONGEST_WAIT,
            current=lambda _: premises.current().back_off_milliseconds or 0,
        ),
        is_harmful=True,
    ),
)
