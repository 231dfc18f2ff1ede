"""Signing in at the Exchange Server on-premises: by user name and password, as Active Directory has them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest

from integrations.simulator.control import basic, seen
from integrations.simulator.entra import errors, people
from integrations.simulator.ews import refusals
from integrations.simulator.ews.callers import TurnedAway
from integrations.simulator.models import Person

WRONG_PASSWORDS = 5
LOCKED_FOR = timedelta(minutes=30)
CHALLENGE = {"WWW-Authenticate": 'Basic realm="localhost"', "Content-Type": "text/html"}
_INVALID = "Access is denied due to invalid credentials."
# In the words of Windows, which the web server puts on its page.
_LOCKED = "The referenced account is currently locked out and may not be logged on to."


def sign_in(request: HttpRequest, *, now: datetime) -> Person:
    """Whoever it is; 401 for who is not let in, and what is wrong with an account only to who knows its password."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise _denied("There is no “Authorization: Basic …” header: this server knows passwords only.")
    name, password = basic.read(encoded.strip())
    person = _named(name.strip())
    if person is None:
        raise _denied("Nobody signs in here by that name.")
    seen.explain(request, who=person.sign_in_name, tenant=person.tenant.name)
    _prove(person, password, now=now)
    if not person.is_enabled:
        raise refusals.fault("ErrorAccountDisabled", "The account that was used to make the request is disabled.")
    if person.password_is_expired:
        raise refusals.fault("ErrorPasswordExpired", "The password for the account has expired.")
    return person


def _prove(person: Person, password: str, *, now: datetime) -> None:
    try:
        people.prove(person, password, now=now, most=WRONG_PASSWORDS, locked_for=LOCKED_FOR)
    except errors.Refused as refused:
        if refused.code == 50053:
            raise _denied(f"{person.name}’s account is locked out.", _LOCKED) from None
        raise _denied(f"That is not {person.name}’s password.") from None


def _named(name: str) -> Person | None:
    """By user principal name, by address, or as `DOMAIN\\name`. Accounts outlive the move of their mailbox."""
    if not name or not name.isprintable():
        return None
    known = Person.objects.select_related("tenant").filter(deleted_at=None, is_guest=False)
    domain, backslash, local = name.partition("\\")
    if not backslash:
        return known.filter(Q(upn__iexact=name) | Q(mail__iexact=name)).order_by("pk").first()
    of_domain = Q(tenant__domains__name__istartswith=f"{domain}.") | Q(tenant__domains__name__iexact=domain)
    return known.filter(of_domain, upn__istartswith=f"{local}@").order_by("pk").first() if domain and local else None


def _denied(why: str, words: str = _INVALID) -> TurnedAway:
    page = (
        f"<html><head><title>401 - Unauthorized</title></head><body><h2>401 - Unauthorized: {words}</h2></body></html>"
    )
    return TurnedAway(401, why, headers=CHALLENGE, body=page)
