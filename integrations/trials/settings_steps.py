"""The first steps: what the settings of now allow the person."""

from __future__ import annotations

from accounts.cascade import words
from accounts.cascade.declare import setting_of
from accounts.cascade.explain import Explanation, explain_at
from accounts.domain_names import domain_of
from accounts.models import User
from integrations.preferences import API_NAMES, SERVICE_NAMES, Integrations, Method, ServicePolicy
from integrations.trials.model import Mark, Name, Step

_WHO = {
    Method.OAUTH: "{name} may set it up by OAuth",
    Method.APPLICATION_PERMISSIONS: "An Office 365 admin sets it up for everybody",
    Method.PASSWORD: "{name} may set it up with their own user name",
    Method.IMPERSONATION: "{name} may set it up by the impersonation account",
}
_CHANGE = "An admin of this account changes it there."


def of(person: User, *, address: str, reader: User) -> tuple[list[Step], ServicePolicy]:
    """And the way by which it is set up. `address`: of the account that is connected, or the one they sign in with.
    Five queries."""
    wanted = [setting_of(Integrations, name) for name in ("enabled", "services", "domains")]
    explained = explain_at(person, wanted)
    enabled, services, domains = (explained[setting.key] for setting in wanted)
    policy: ServicePolicy = services.value
    name, api = SERVICE_NAMES[policy.default_service], API_NAMES[policy.authorize_with]
    steps = [
        _step(Name.SWITCH, f"Integration is on for {person}", enabled, reader, is_passed=enabled.value),
        _step(Name.SERVICE, f"{name} is offered, by {api}", services, reader, is_passed=True),
        _step(Name.METHOD, _who(person, policy.who_can_set_up), services, reader, is_passed=True),
        _domain(address, domains, reader),
    ]
    return steps, policy


def _who(person: User, method: Method) -> str:
    return _WHO[method].format(name=person)


def _step(name: Name, says: str, explained: Explanation, reader: User, *, is_passed: bool) -> Step:
    why = words.sentence(explained, words.Reader(reader))
    return Step(name, Mark.DONE, says, why) if is_passed else Step(name, Mark.FAILED, says, why, _CHANGE)


def _domain(address: str, explained: Explanation, reader: User) -> Step:
    """The address that counts is known for certain once they are back from Microsoft."""
    domain, why = domain_of(address), words.sentence(explained, words.Reader(reader))
    says = f"Accounts of {domain} may be connected"
    if explained.value.allows(domain):
        return Step(Name.DOMAIN, Mark.DONE, says, why)
    advice = f"If the account at Microsoft is of a listed domain, go on. Else an admin of this account adds {domain}."
    return Step(Name.DOMAIN, Mark.FAILED, says, why, advice)
