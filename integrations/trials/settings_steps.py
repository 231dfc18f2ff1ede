"""The first steps: what the settings of now allow the person."""

from __future__ import annotations

from accounts.cascade import words
from accounts.cascade.declare import setting_of
from accounts.cascade.explain import Explanation, explain_at
from accounts.domain_names import domain_of
from accounts.models import User
from integrations.preferences import API_NAMES, SERVICE_NAMES, Api, Integrations, Method, Service
from integrations.trials.model import Mark, Name, Step

_CHANGE = "An admin of this account changes it there."


def of(person: User, *, address: str, reader: User) -> tuple[list[Step], Method]:
    """And who sets the integration up. `address`: of the account that is connected, or the one they sign in with. Five
    queries."""
    wanted = [setting_of(Integrations, name) for name in ("enabled", "services", "domains")]
    explained = explain_at(person, wanted)
    enabled, services, domains = (explained[setting.key] for setting in wanted)
    policy = services.value
    is_offered = policy.default_service == Service.OFFICE_365 and policy.authorize_with == Api.GRAPH
    name, api = SERVICE_NAMES[Service.OFFICE_365], API_NAMES[Api.GRAPH]
    steps = [
        _step(Name.SWITCH, f"Integration is on for {person}", enabled, reader, is_passed=enabled.value),
        _step(Name.SERVICE, f"{name} is offered, by {api}", services, reader, is_passed=is_offered),
        _step(Name.METHOD, _who(person, policy.who_can_set_up), services, reader, is_passed=True),
        _domain(address, domains, reader),
    ]
    return steps, policy.who_can_set_up


def _who(person: User, method: Method) -> str:
    by_admin = method == Method.APPLICATION_PERMISSIONS
    return "An Office 365 admin sets it up for everybody" if by_admin else f"{person} may set it up by OAuth"


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
