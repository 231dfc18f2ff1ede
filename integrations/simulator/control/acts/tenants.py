"""What happens to a whole organization: its settings, its domains, its time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from integrations.simulator.control import ageing
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, choice, flag, number
from integrations.simulator.models import Calendar, Domain, Person, Tenant

TIME, CONSENT, DOMAINS, MAILBOXES = "Time", "Consent and tokens", "Domains", "Mailboxes"
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def later(tenant: Tenant, *, days: int, hours: int, minutes: int, now: datetime) -> str:
    time = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta() < time <= ageing.LONGEST:
        raise Unfit("Choose between one minute and ten years.")
    ageing.later(tenant, time)
    return f"It is {_span(time)} later in {tenant.name}: all that was issued is so much older."


def user_consent(tenant: Tenant, *, setting: str, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(user_consent=setting)
    return f"{tenant.name}: {Tenant.UserConsent(setting).label.lower()}."


def consent_workflow(tenant: Tenant, *, on: bool, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(has_consent_workflow=on)
    return f"People of {tenant.name} {'may ask for an administrator’s approval' if on else 'cannot ask for approval'}."


def consent_delay(tenant: Tenant, *, seconds: int, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(consent_delay_seconds=seconds)
    return f"In {tenant.name} a consent takes {seconds} s to arrive everywhere."


def strict_rotation(tenant: Tenant, *, on: bool, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(strict_rotation=on)
    return f"In {tenant.name} a used refresh token {'dies at once' if on else 'lives to its own end'}."


def block(tenant: Tenant, *, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(is_blocked=True)
    return f"Microsoft has blocked {tenant.name}."


def unblock(tenant: Tenant, *, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(is_blocked=False)
    return f"{tenant.name} is not blocked any more."


def add_domain(tenant: Tenant, *, name: str, verified: bool, now: datetime) -> str:
    name = name.lower()
    if not _DOMAIN.fullmatch(name):
        raise Unfit(f"“{name}” is no domain.")
    if Domain.objects.filter(name=name).exists():
        raise Unfit(f"{name} belongs to an organization already.", 409)
    Domain.objects.create(tenant=tenant, name=name, is_verified=verified)
    return f"{name} is {'a' if verified else 'an unverified'} domain of {tenant.name}."


def verify_domain(tenant: Tenant, *, name: str, now: datetime) -> str:
    domain = _domain(tenant, name)
    Domain.objects.filter(pk=domain.pk).update(is_verified=True)
    return f"{domain.name} is verified."


def remove_domain(tenant: Tenant, *, name: str, now: datetime) -> str:
    domain = _domain(tenant, name)
    if not Domain.objects.filter(tenant=tenant).exclude(pk=domain.pk).exists():
        raise Unfit("An organization keeps at least one domain.", 409)
    if Person.objects.filter(tenant=tenant, upn__iendswith=f"@{domain.name}").exists():
        raise Unfit(f"There are people whose user name ends in @{domain.name}. Rename them first.", 409)
    domain.delete()
    return f"{domain.name} is no domain of {tenant.name} any more."


def expire_delta_tokens(tenant: Tenant, *, now: datetime) -> str:
    for calendar in Calendar.objects.filter(person__tenant=tenant).only("pk", "sync_generation"):
        Calendar.objects.filter(pk=calendar.pk).update(sync_generation=calendar.sync_generation + 1)
    return f"Every delta token of {tenant.name}’s calendars is answered with 410 Gone."


def _domain(tenant: Tenant, name: str) -> Domain:
    found = Domain.objects.filter(tenant=tenant, name=name.strip().lower()).first()
    if found is None:
        raise Unfit(f"{tenant.name} has no domain {name}.", 404)
    return found


def _span(time: timedelta) -> str:
    hours, minutes = divmod(time.seconds // 60, 60)
    parts = [(time.days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


ACTIONS = (
    Action(
        on="tenants",
        name="later",
        label="Some time later",
        group=TIME,
        effect="Codes, tokens, sessions, secrets, certificates and subscriptions of this organization grow older by so "
        "much, and expire if their time is up. Clocks and calendars stay. Only a reset makes it undone.",
        do=later,
        parameters=(
            number("days", "Days", 0, most=3650),
            number("hours", "Hours", 0, most=87_600),
            number("minutes", "Minutes", 0, most=1_000_000),
        ),
        is_harmful=True,
    ),
    Action(
        on="tenants",
        name="user-consent",
        label="Who may consent",
        group=CONSENT,
        effect="Decides at the next consent. Without leave people see “Need admin approval” (AADSTS90094). What was "
        "granted stays.",
        do=user_consent,
        parameters=(
            choice(
                "setting",
                "Setting",
                {str(value): str(label) for value, label in Tenant.UserConsent.choices},
                current=lambda tenant: tenant.user_consent,
            ),
        ),
    ),
    Action(
        on="tenants",
        name="consent-workflow",
        label="Asking for approval",
        group=CONSENT,
        effect="With it, people who may not consent can send a request to an administrator (AADSTS90095).",
        do=consent_workflow,
        parameters=(flag("on", "People may ask", current=lambda tenant: tenant.has_consent_workflow),),
    ),
    Action(
        on="tenants",
        name="consent-delay",
        label="How long consent takes to arrive",
        group=CONSENT,
        effect="For so long after an application is let in, its own credentials are still refused with AADSTS700016.",
        do=consent_delay,
        parameters=(
            Parameter(
                name="seconds",
                label="Seconds",
                kind=Kind.NUMBER,
                most=86_400,
                current=lambda tenant: tenant.consent_delay_seconds,
            ),
        ),
    ),
    Action(
        on="tenants",
        name="strict-rotation",
        label="Strict rotation of refresh tokens",
        group=CONSENT,
        effect="A used refresh token dies at once. Entra does not do that; clients that must survive it can be tried. "
        "Two workers that refresh with the same token will meet AADSTS70000.",
        do=strict_rotation,
        parameters=(flag("on", "Strict", current=lambda tenant: tenant.strict_rotation),),
        is_harmful=True,
    ),
    Action(
        on="tenants",
        name="block",
        label="Block the organization",
        group=CONSENT,
        effect="As Microsoft does after abuse: nobody signs in, and nothing gets a token (AADSTS5000224). Access "
        "tokens live to their end.",
        do=block,
        is_harmful=True,
        fits=lambda tenant: not tenant.is_blocked,
    ),
    Action(
        on="tenants",
        name="unblock",
        label="Unblock the organization",
        group=CONSENT,
        effect="Signing in and tokens work again.",
        do=unblock,
        fits=lambda tenant: tenant.is_blocked,
    ),
    Action(
        on="tenants",
        name="add-domain",
        label="Add a domain",
        group=DOMAINS,
        effect="It can be used in user names and in place of the tenant’s id once it is verified.",
        do=add_domain,
        parameters=(Parameter(name="name", label="Domain"), flag("verified", "Verified")),
    ),
    Action(
        on="tenants",
        name="verify-domain",
        label="Verify a domain",
        group=DOMAINS,
        effect="As if its DNS record had been found.",
        do=verify_domain,
        parameters=(Parameter(name="name", label="Domain", kind=Kind.TEXT),),
    ),
    Action(
        on="tenants",
        name="remove-domain",
        label="Remove a domain",
        group=DOMAINS,
        effect="Its name does not lead to this organization any more: AADSTS90002 for who still asks by it.",
        do=remove_domain,
        parameters=(Parameter(name="name", label="Domain", kind=Kind.TEXT),),
        is_harmful=True,
    ),
    Action(
        on="tenants",
        name="expire-delta-tokens",
        label="Expire all delta tokens",
        group=MAILBOXES,
        effect="Each calendar’s delta links are answered with 410 Gone once; clients have to read everything anew.",
        do=expire_delta_tokens,
        is_harmful=True,
    ),
)
