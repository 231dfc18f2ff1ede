"""What happens to the whole service."""

from __future__ import annotations

from datetime import datetime

from integrations.simulator.control import faults, habits, seen, tally, usage
from integrations.simulator.control.acts import exchange
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter
from integrations.simulator.entra import keys
from integrations.simulator.graph import throttling
from integrations.simulator.models import Premises, Tenant
from integrations.simulator.seeds import loader

GROUP = "The whole service"


def reset(service: None, *, now: datetime) -> str:
    """Everything as on the first day; tokens, sessions and faults are gone."""
    loader.reset(now=now)
    throttling.as_documented()
    for memory in (tally, habits, usage, seen):
        memory.clear()
    faults.stop_all()
    Premises.objects.all().delete()
    exchange.follow(now=now)
    return "Everything is as on the first day."


def reset_tenant(tenant: Tenant, *, now: datetime) -> str:
    loader.reset(tenant=tenant, now=now)
    faults.forget()
    return f"{tenant.name} is as on the first day."


def rotate_signing_key(service: None, *, now: datetime) -> str:
    keys.rotate(now=now)
    return "A new key signs tokens from now on; the last ones are still published."


def throttle(service: None, *, requests: int | None, seconds: int | None, concurrent: int | None, now: datetime) -> str:
    if requests is None and seconds is None and concurrent is None:
        throttling.as_documented()
    else:
        throttling.limits(requests=requests, seconds=seconds, concurrent=concurrent)
    limits = throttling.limits()
    return (
        f"An application may ask one mailbox {limits.requests:,} times in {limits.seconds:,} s, "
        f"{limits.concurrent} at a time."
    )


def _limit(name: str, label: str, current: object) -> Parameter:
    return Parameter(
        name=name,
        label=label,
        kind=Kind.NUMBER,
        is_required=False,
        least=1,
        current=current,  # type: ignore[arg-type]
    )


ACTIONS = (
    Action(
        on="service",
        name="reset",
        label="Reset everything",
        group=GROUP,
        effect="All organizations are as on the first day. Tokens, sessions, consents, subscriptions, faults and "
        "the log "
        "are gone; applications have to be connected anew.",
        do=reset,
        is_harmful=True,
    ),
    Action(
        on="service",
        name="rotate-signing-key",
        label="Rotate the signing key",
        group=GROUP,
        effect="Tokens are signed with a key of another kid. A client that caches the keys has to fetch them again "
        "when "
        "it meets a kid it does not know.",
        do=rotate_signing_key,
        is_harmful=True,
    ),
    Action(
        on="service",
        name="throttling",
        label="Change the limits of Graph",
        group=GROUP,
        effect="Above them Graph answers 429 with Retry-After. Nothing sent: Microsoft’s own, 10,000 in 600 s, 4 "
        "at a time.",
        do=throttle,
        parameters=(
            _limit("requests", "Requests to one mailbox", lambda _: throttling.limits().requests),
            _limit("seconds", "in so many seconds", lambda _: throttling.limits().seconds),
            _limit("concurrent", "At a time", lambda _: throttling.limits().concurrent),
        ),
    ),
    Action(
        on="tenants",
        name="reset",
        label="Reset this organization",
        group="Time",
        effect="It is as on the first day: people, consents, calendars and settings. Tokens and sessions are dead.",
        do=reset_tenant,
        is_harmful=True,
    ),
)
