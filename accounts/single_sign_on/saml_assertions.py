"""Whether an assertion counts: for us, now, for this question. It is signed; see `saml_signatures`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.openid_exchange import said_of
from accounts.single_sign_on.saml_answers import NAMES, Element
from accounts.single_sign_on.saml_signatures import SKEW

_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
LONGEST_ID = 500


@dataclass(frozen=True)
class Expected:
    audience: str
    recipient: str
    request_id: str
    # Only after this it counts as having been asked again who it is.
    shown_since: datetime | None


def judge(assertion: Element, expected: Expected, checks: Checks, *, now: datetime) -> datetime:
    """When it does not count any more, by its own words. Raises Refused."""
    if not 0 < len(assertion.get("ID", "")) <= LONGEST_ID:
        raise checks.failed("Assertion", Cause.MALFORMED, "The assertion has no sensible ID.")
    conditions = assertion.findall("saml:Conditions", NAMES)
    if len(conditions) != 1:
        raise checks.failed("Time", Cause.PROVIDER_MISTAKEN, "The assertion says not for how long it counts.")
    _must_be_now(conditions[0], checks, now=now)
    _must_be_for_us(conditions[0], expected, checks)
    until = _must_be_confirmed(assertion, expected, checks, now=now)
    _must_have_shown(assertion, expected, checks, now=now)
    return until + SKEW


def _must_be_now(conditions: Element, checks: Checks, *, now: datetime) -> None:
    begins, ends = _time(conditions, "NotBefore", checks), _time(conditions, "NotOnOrAfter", checks)
    if begins is not None and now < begins - SKEW:
        raise checks.failed("Time", Cause.CLOCK, f"It counts from {_say(begins)} on, and here it is {_say(now)}.")
    if ends is not None and now >= ends + SKEW:
        raise checks.failed("Time", Cause.CLOCK, f"It counted until {_say(ends)}, and here it is {_say(now)}.")
    checks.passed("Time", f"It counts now, {_say(now)}; five minutes of difference are allowed.")


def _must_be_for_us(conditions: Element, expected: Expected, checks: Checks) -> None:
    """Each restriction has to name us (core §2.5.1.4)."""
    restrictions = conditions.findall("saml:AudienceRestriction", NAMES)
    audiences = [
        [(each.text or "").strip() for each in restriction.findall("saml:Audience", NAMES)]
        for restriction in restrictions
    ]
    if not audiences or any(expected.audience not in some for some in audiences):
        named = ", ".join(said_of(one)[:100] for some in audiences for one in some) or "nobody"
        says = f"It is meant for {named}, and {expected.audience} is what this portal is called."
        raise checks.failed("Audience", Cause.AUDIENCE, says)
    checks.passed("Audience", f"It is meant for {expected.audience}.")


def _must_be_confirmed(assertion: Element, expected: Expected, checks: Checks, *, now: datetime) -> datetime:
    """Whoever brings it is whom it is about (profiles §4.1.4.3). When that ends."""
    found = assertion.findall("saml:Subject/saml:SubjectConfirmation", NAMES)
    bearers = [each for each in found if each.get("Method") == _BEARER]
    data = [one for each in bearers for one in each.findall("saml:SubjectConfirmationData", NAMES)]
    if len(data) != 1:
        says = f"The assertion has {len(data)} confirmations of its subject for bearers; one is needed."
        raise checks.failed("Subject", Cause.PROVIDER_MISTAKEN, says)
    if data[0].get("Recipient") != expected.recipient:
        says = f"It is for {said_of(data[0].get('Recipient'))[:150] or 'no address'}, and this is {expected.recipient}."
        raise checks.failed("Recipient", Cause.AUDIENCE, says)
    if data[0].get("InResponseTo") != expected.request_id:
        raise checks.failed("Question", Cause.NOT_ASKED, "The assertion is not to the question of this browser.")
    ends = _time(data[0], "NotOnOrAfter", checks)
    if ends is None or data[0].get("NotBefore") is not None:
        says = "The assertion says not until when it may be brought here."
        raise checks.failed("Time", Cause.PROVIDER_MISTAKEN, says)
    if now >= ends + SKEW:
        says = f"It had to be brought here by {_say(ends)}, and here it is {_say(now)}."
        raise checks.failed("Time", Cause.CLOCK, says)
    checks.passed("Recipient", f"It is for {expected.recipient}, to the question of this browser.")
    return ends


def _must_have_shown(assertion: Element, expected: Expected, checks: Checks, *, now: datetime) -> None:
    statements = assertion.findall("saml:AuthnStatement", NAMES)
    instants = [_time(each, "AuthnInstant", checks) for each in statements]
    if not instants or None in instants:
        says = "The assertion does not say that somebody has signed in there (AuthnStatement)."
        raise checks.failed("Sign-in", Cause.PROVIDER_MISTAKEN, says)
    last = max(instant for instant in instants if instant is not None)
    if expected.shown_since is not None and last < expected.shown_since - SKEW:
        says = f"Asked to have the person sign in again, the provider answered with a sign-in of {_say(last)}."
        raise checks.failed("Sign-in", Cause.PROVIDER_MISTAKEN, says)
    for each in statements:
        over = _time(each, "SessionNotOnOrAfter", checks)
        if over is not None and now >= over + SKEW:
            raise checks.failed("Time", Cause.CLOCK, f"The session there has ended at {_say(over)}.")


def _time(element: Element, name: str, checks: Checks) -> datetime | None:
    """Times of SAML are in UTC (core §1.3.3); what is written otherwise is not guessed at."""
    said = element.get(name)
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise checks.failed("Time", Cause.MALFORMED, f"{name} is no time in UTC: {said_of(said)[:60]}.")
    return found.astimezone(UTC)


def _say(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
