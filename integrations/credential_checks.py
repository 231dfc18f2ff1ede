"""Our own credentials, tried on purpose: when a worker starts, when an operator asks, and while none is accepted.

Each on its own, by a token of the application itself (client credentials). Microsoft gives one within a named tenant
only: the one that is configured, or some of those in which people are connected.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet

from accounts import outbound
from integrations import alarms, credential_words, credentials, states
from integrations.contracts import AppGone, AuthorizationLost, CalendarError
from integrations.failures import Failure
from integrations.microsoft import app_credentials, http, identity, preflight
from integrations.microsoft.app_credentials import Credential
from integrations.microsoft.preflight import ANY_TENANT
from integrations.models import AppCredential, Connection, State

log = structlog.get_logger(__name__)

PROBE_EVERY = timedelta(minutes=1)
# One that was accepted since, so long after its refusal, has nothing paused any more: by then each connection has
# tried by itself.
TROUBLED = timedelta(days=1)
TENANTS = 3  # one alone may have removed the application
_IS_WANTED = Q(check_wanted_at__isnull=False) & (Q(checked_at=None) | Q(check_wanted_at__gt=F("checked_at")))


def mind(*, now: datetime) -> None:
    """Each minute: a check that was asked for and lost; one probe while none is accepted; what follows when one is."""
    check_wanted(now=now)
    credentials.note_down(now=now)
    was_refused = AppCredential.objects.filter(refused_at__gt=now - TROUBLED).exists()
    if not (was_refused or credentials.is_refused(now=now)) or not probe(now=now):
        return
    states.credential_accepted(now=now)
    credentials.tell_of_refused(now=now)


def probe(*, now: datetime) -> bool:
    """Is one accepted? While none is, Microsoft is asked again, once a minute, and the operator reminded."""
    if not credentials.is_refused(now=now):
        return True
    if _mine().filter(refused_at__gt=now - PROBE_EVERY / 2).exists():
        return False
    for failure in check(now=now):
        credentials.alarm(failure)
    return not credentials.is_refused(now=now)


def want(*, now: datetime) -> None:
    """Somebody wants to know how they stand."""
    for credential in credentials.of_environment():
        credentials.register(credential, now=now)
    _mine().update(check_wanted_at=now)


def at_start(*, now: datetime) -> None:
    """A worker starts: what stands in the way is logged and mailed before the first person meets it."""
    refusals = check(now=now)
    tenant = next(iter(tenants_to_ask()), str(settings.MICROSOFT_TENANT))
    found = [*preflight.kinds(now=now), preflight.sign_in(tenant), preflight.graph()]
    wrong = [f"{one.name}: {one.says}" for one in found if one.passed is False]
    for sentence in wrong:
        log.error("preflight.wrong", says=sentence)
    if wrong:
        alarms.once_an_hour("preflight", "something stands in the way of Microsoft 365", "\n\n".join(wrong))
    if refusals and credentials.is_refused(now=now):
        credentials.alarm(refusals[0])
    credentials.tell_of_refused(now=now)
    # Where beat starts anew more often than it counts, nobody else would.
    credentials.look_after(now=now)


def check_wanted(*, now: datetime) -> None:
    if _mine().filter(_IS_WANTED).exists():
        check(now=now)


def check(*, now: datetime) -> list[Failure]:
    """Try each and write down what came of it; answers the refusals."""
    tenants, refusals = tenants_to_ask(), []
    for credential in credentials.of_environment():
        failure = _try(credential, tenants, now=now)
        unjudged = failure.reason.value if failure else "" if tenants else credential_words.NO_DIRECTORY
        if failure and app_credentials.is_refused(credential):
            unjudged = ""
            refusals.append(failure)
        credentials.register(credential, now=now)
        _mine().filter(pk=credential.fingerprint).update(checked_at=now, check_reason=unjudged)
        log.info("credential.checked", credential=credential.name, reason=failure and failure.reason.value)
    credentials.note_down(now=now, at_once=True)
    return refusals


def tenants_to_ask() -> list[str]:
    """Some in which the application should be known: others each time, found by a few look-ups in an index."""
    if settings.MICROSOFT_TENANT not in ANY_TENANT:
        return [str(settings.MICROSOFT_TENANT)]
    starts = [str(uuid.uuid4()) for _ in range(TENANTS - 1)]
    return list(dict.fromkeys(tenant for start in ["", *starts] for tenant in _next_tenant(start)))


def _next_tenant(start: str) -> list[str]:
    connected = Connection.objects.exclude(object_id="").exclude(state=State.DISCONNECTED)
    after = connected.filter(tenant_id__gt=start).order_by("tenant_id")
    return list(after.values_list("tenant_id", flat=True)[:1])


def _try(credential: Credential, tenants: list[str], *, now: datetime) -> Failure | None:
    """None: it was not refused. A yes and a no are noted where they are heard."""
    failure = None
    for tenant in tenants:
        try:
            with outbound.deadline(http.TOTAL):
                identity.prove_credential(tenant, credential)
        except AuthorizationLost:
            # A rule of that tenant against applications: whose it is, Microsoft believed.
            app_credentials.accepted(credential, now=now)
        except CalendarError as problem:
            failure = problem.failure
            if isinstance(problem, AppGone):
                continue
            return failure
        return None
    return failure


def _mine() -> QuerySet[AppCredential]:
    return AppCredential.objects.filter(pk__in=[credential.fingerprint for credential in credentials.of_environment()])
