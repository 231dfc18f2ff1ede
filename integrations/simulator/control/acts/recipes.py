"""Rehearse a bad day: one click, made of the actions and faults that there are."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.simulator.control import ageing, fault_orders
from integrations.simulator.control.acts import applications, mailboxes, people, sessions
from integrations.simulator.control.acts.declaring import Action, Kind, Parameter
from integrations.simulator.ews import retirement
from integrations.simulator.models import Application, Fault, Grant, Person, Tenant

GROUP = "Rehearse a bad day"
HOLIDAY = timedelta(days=90, hours=1)
MINUTES = 5


def secret_expires(service: None, *, application: Application, now: datetime) -> str:
    return applications.expire_secrets(application, now=now)


def holiday(service: None, *, tenant: Tenant, now: datetime) -> str:
    ageing.later(tenant, HOLIDAY)
    return f"Ninety days have gone by in {tenant.name}, and nobody has used anything."


def consent_deleted(service: None, *, application: Application, tenant: Tenant, now: datetime) -> str:
    mine = Grant.objects.filter(service_principal__application=application, service_principal__tenant=tenant)
    count = mine.count()
    mine.delete()
    grants = "1 grant is" if count == 1 else f"{count} grants are"
    return f"{grants} deleted: {application.name} is refused with AADSTS65001 at each next refresh."


def graph_throttles(service: None, *, now: datetime) -> str:
    _fault(Fault.Target.GRAPH, {"status": 429, "retry_after": 10}, percent=50, now=now)
    return f"For {MINUTES} minutes Graph answers every other request with 429 and Retry-After: 10."


def graph_is_down(service: None, *, now: datetime) -> str:
    _fault(Fault.Target.GRAPH, {"status": 503}, now=now)
    return f"For {MINUTES} minutes Graph answers 503."


def entra_is_down(service: None, *, now: datetime) -> str:
    _fault(Fault.Target.TOKEN, {"status": 503}, now=now)
    return f"For {MINUTES} minutes the token endpoint answers 503."


def network_is_bad(service: None, *, now: datetime) -> str:
    _fault(Fault.Target.GRAPH, {"reset": True}, percent=30, now=now)
    return f"For {MINUTES} minutes every third connection to Graph is reset."


def mailbox_moves(service: None, *, person: Person, now: datetime) -> str:
    return mailboxes.move_on_premises(person, now=now)


def ews_is_shut_off(service: None, *, tenant: Tenant, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(
        ews_enabled=None, ews_allowed_app_ids=None, ews_policy_date=retirement.BLOCKED_BY_DEFAULT
    )
    return f"In {tenant.name} the day has come on which Exchange Online blocks Exchange Web Services."


def ews_ends(service: None, *, tenant: Tenant, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(ews_policy_date=retirement.ENDED)
    return f"In {tenant.name} Exchange Web Services have ended."


def password_is_reset(service: None, *, person: Person, now: datetime) -> str:
    sessions.revoke_sessions(person, now=now)
    Person.objects.filter(pk=person.pk).update(password_changed_at=now, password_is_expired=True)
    return f"{person.name}’s password is reset in the Entra admin centre: every session from before is revoked."


def someone_leaves(service: None, *, person: Person, now: datetime) -> str:
    return people.disable(person, now=now)


def notices_get_lost(service: None, *, person: Person, now: datetime) -> str:
    return mailboxes.notices(person, what=Person.Notices.DROPPED, delay_seconds=person.notice_delay_seconds, now=now)


def _fault(target: str, step: dict[str, object], *, percent: int = 100, now: datetime) -> None:
    order = fault_orders.Order(target=target, steps=[step], seconds=MINUTES * 60, percent=percent)
    fault_orders.place(order, now=now)


_APPLICATION = Parameter(name="application", label="Application", kind=Kind.APPLICATION)
_TENANT = Parameter(name="tenant", label="Organization", kind=Kind.TENANT)
_PERSON = Parameter(name="person", label="Person", kind=Kind.PERSON)


def _recipe(name: str, label: str, effect: str, do: object, *parameters: Parameter) -> Action:
    return Action(
        on="recipes",
        name=name,
        label=label,
        group=GROUP,
        effect=effect,
        do=do,  # type: ignore[arg-type]
        parameters=parameters,
        is_harmful=True,
    )


ACTIONS = (
    _recipe(
        "secret-expires",
        "The client secret expires",
        "Every token request of the application is refused with 401 AADSTS7000222. The operator has to act; people "
        "must "
        "not be told to sign in again. To end it: add a secret on the application’s page.",
        secret_expires,
        _APPLICATION,
    ),
    _recipe(
        "holiday",
        "Ninety days of holiday",
        "Refresh tokens die of idleness (AADSTS700082), access tokens and subscriptions run out, secrets grow older. "
        "Everybody has to sign in again. Only a reset makes it undone.",
        holiday,
        _TENANT,
    ),
    _recipe(
        "consent-deleted",
        "An administrator deletes the consent",
        "All grants of the application in the organization go. The next refresh is refused with AADSTS65001.",
        consent_deleted,
        _APPLICATION,
        _TENANT,
    ),
    _recipe(
        "ews-is-shut-off",
        "Exchange Web Services are shut off",
        "As on 1 October 2026, in an organization that has set nothing: 403 with X-EWS-Policy-Reason. Graph goes on. "
        "To end it: set EwsEnabled and EwsAllowedAppIDs on the organization’s page.",
        ews_is_shut_off,
        _TENANT,
    ),
    _recipe(
        "ews-ends",
        "Exchange Web Services end",
        "As on 1 April 2027: 403 with X-EWS-Policy-Reason, whatever the administrators set. Servers on-premises go on.",
        ews_ends,
        _TENANT,
    ),
    _recipe(
        "password-is-reset",
        "A password is reset",
        "In the Entra admin centre: all sessions are revoked (AADSTS50173), and the password has to be changed at the "
        "next sign-in.",
        password_is_reset,
        _PERSON,
    ),
    _recipe(
        "someone-leaves",
        "Somebody leaves",
        "The account is disabled: AADSTS50057 at the next refresh. To end it: enable it on the person’s page.",
        someone_leaves,
        _PERSON,
    ),
    _recipe(
        "mailbox-moves",
        "A mailbox moves on-premises",
        "Graph answers 404 MailboxNotEnabledForRESTAPI, and subscriptions end. To end it: move it back on the person’s "
        "page.",
        mailbox_moves,
        _PERSON,
    ),
    _recipe(
        "graph-throttles",
        "Graph throttles",
        "Five minutes of 429 for every other request, with Retry-After. A client that waits comes through; one that "
        "does not gets a remark in the log.",
        graph_throttles,
    ),
    _recipe("graph-is-down", "Graph is down", "Five minutes of 503 from Graph. Tokens go on.", graph_is_down),
    _recipe(
        "entra-is-down",
        "Entra is down",
        "Five minutes of 503 from the token endpoint. Access tokens work until they run out; nobody’s consent is gone.",
        entra_is_down,
    ),
    _recipe(
        "network-is-bad",
        "The network is bad",
        "Five minutes in which every third connection to Graph is reset, without an answer. Nothing has been done "
        "then.",
        network_is_bad,
    ),
    _recipe(
        "notices-get-lost",
        "Change notifications get lost",
        "Nothing is told of this mailbox any more; only delta finds what has changed. To end it: on the person’s page.",
        notices_get_lost,
        _PERSON,
    ),
)
