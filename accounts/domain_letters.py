"""What the admins of an account are told by e-mail of an associated domain whose proof is gone: once when it is
missing, once when it counts no longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import letters
from accounts.domain_names import shown
from accounts.letters import Draft
from accounts.models import AssociatedDomain, DomainState, Letter, Role, User


def missing(domain: AssociatedDomain, *, until: datetime, ends: Sequence[str], now: datetime) -> int:
    """The proof counts until then; `ends`: what ends with it, a sentence each."""
    return _post(MISSING, domain, {"until": until, "ends": ends}, now=now)


def lapsed(domain: AssociatedDomain, *, ended: Sequence[str], now: datetime) -> int:
    return _post(LAPSED, domain, {"ended": ended}, now=now)


def _post(kind: str, domain: AssociatedDomain, more: dict[str, Any], *, now: datetime) -> int:
    words = {
        "domain": shown(domain.name),
        "method": domain.get_method_display(),
        "account": domain.account,
        "since": domain.missing_since or domain.failing_since,
        "link": settings.PUBLIC_URL + reverse("domain", args=[domain.pk]),
        **more,
    }
    name = kind.replace(".", "_")
    subject = render_to_string(f"accounts/letters/{name}_subject.txt", words)
    admins = User.objects.of(domain.account).filter(role__in=[Role.OWNER, Role.ADMIN], is_active=True)
    drafts = []
    for admin in admins.order_by("pk"):
        text = render_to_string(f"accounts/letters/{name}.txt", {"person": admin, **words})
        drafts.append(Draft(admin, kind, _incident(domain), subject, text))
    return letters.post(drafts, now=now)


def _incident(domain: AssociatedDomain) -> str:
    since = domain.failing_since.isoformat() if domain.failing_since else ""
    return f"{domain.pk}:{since}"


def _still_missing(letter: Letter) -> bool:
    return _still(letter, DomainState.VERIFIED)


def _still_lapsed(letter: Letter) -> bool:
    return _still(letter, DomainState.LAPSED)


def _still(letter: Letter, state: DomainState) -> bool:
    pk = letter.incident.partition(":")[0]
    domain = AssociatedDomain.objects.filter(pk=pk, state=state).first()
    return domain is not None and _incident(domain) == letter.incident


MISSING = letters.declare("domain.missing", still_holds=_still_missing)
LAPSED = letters.declare("domain.lapsed", still_holds=_still_lapsed)
