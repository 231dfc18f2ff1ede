"""What Microsoft is told of a trip besides the permissions: whom to expect, what to ask anew, what to have proved."""

from __future__ import annotations

import json
from dataclasses import dataclass

from accounts.domain_names import domain_of
from accounts.models import User
from integrations.domains import DomainRule
from integrations.failures import Reason
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from integrations.policy import Shape
from integrations.preferences import Api

SELECT_ACCOUNT, CONSENT = "select_account", "consent"  # OpenID Connect's words for `prompt`
_WRONG_ACCOUNT = (
    Ending.ANOTHER_ACCOUNT,
    Ending.ANOTHER_DOMAIN,
    Ending.TAKEN,
    Ending.GUEST,
    Ending.ON_PREMISES,
    Reason.NO_MAILBOX,
)
_WRONG_CONSENT = (Ending.LESS_GRANTED, Ending.NOT_LASTING)


@dataclass(frozen=True)
class Known:
    """Whom an identity provider has just shown the person to be."""

    address: str = ""
    # Where it was Microsoft itself: the tenant. It need not ask for a password once more.
    tenant: str = ""


NOBODY = Known()


def hint(bound: Connection | None, person: User, rule: DomainRule, asked: str, known: Known = NOBODY) -> str:
    """Whom Microsoft should take it to be; nobody where that account would be, or was, refused afterwards. `bound`:
    whose account alone will do."""
    if bound:
        address = bound.address
    elif asked == SELECT_ACCOUNT:
        return ""
    else:
        address = known.address or person.email
    return address if rule.allows(domain_of(address)) else ""


def last_ended(person: User) -> ConsentRequest | None:
    """The newest trip that says something about the next: not one that was merely left open."""
    said_nothing = (Ending.SUPERSEDED, Ending.EXPIRED)
    ended = ConsentRequest.objects.filter(user=person, ended_at__isnull=False).exclude(reason__in=said_nothing)
    return ended.order_by("-created_at", "-id").first()


def prompt(existing: Connection | None, wish: Shape, before: ConsentRequest | None, known: Known = NOBODY) -> str:
    """What Microsoft should ask although it need not: it would go on with the same account, or the same consent, that
    led nowhere the last time."""
    reason = before.reason if before and before.step == Step.FAILED else ""
    if existing and existing.is_by_organization:
        existing = None  # nobody has been asked for it yet
    is_wrong = reason in _WRONG_ACCOUNT or (existing is not None and existing.state == State.NOT_ELIGIBLE)
    if is_wrong and not _is_shown(existing, known):
        return SELECT_ACCOUNT
    wished = {"calendar_write": wish.calendar_write, "contacts_read": True, "contacts_write": wish.contacts_write}
    is_by_graph = wish.api is Api.GRAPH
    is_withheld = is_by_graph and existing is not None and any(wished.get(name) for name in existing.withheld)
    return CONSENT if reason in _WRONG_CONSENT or is_withheld else ""


def _is_shown(existing: Connection | None, known: Known) -> bool:
    """Whether Microsoft has just been shown who it is, and that account may do."""
    if not known.tenant:
        return False
    if existing is None:
        return True
    if existing.state == State.NOT_ELIGIBLE:
        return existing.address.lower() != known.address.lower()
    return existing.tenant_id in ("", known.tenant)


def claims(existing: Connection | None, before: ConsentRequest | None) -> str:
    """The step-up that Microsoft asked for, if it is the JSON object that it should be."""
    wanted = (before and before.claims) or (existing and existing.claims) or ""
    try:
        return wanted if isinstance(json.loads(wanted or "null"), dict) else ""
    except ValueError:
        return ""
