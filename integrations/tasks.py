"""Celery's door: load, one call inwards. Any task may run twice, late or never; the sweeps make that harmless."""

from __future__ import annotations

import threading
import uuid

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from accounts.nudging import nudge
from integrations import (
    admin_consent,
    approvals,
    checking,
    connecting,
    consent_proof,
    credential_checks,
    credentials,
    fitting,
    incidents,
    prompt_answers,
    redeeming,
    refreshing,
    states,
    tenancy,
    tokens,
)
from integrations.console import bulk  # noqa: F401  declares its kinds of job to the workers
from integrations.diagnosis import asked
from integrations.exchange import asked as asked_servers
from integrations.exchange import server_checks
from integrations.exchange import servers as exchange_servers
from integrations.exchange import telling as exchange_telling
from integrations.leaving_ews import sweeping as leaving_ews
from integrations.leaving_ews import wanted as leaving_ews_wanted
from integrations.models import ALIVE, AwaitedApproval, Connection
from integrations.organization import (
    connecting_job,  # noqa: F401  declares its kind of job to the workers
    following,
    hearing,
    link_checks,
    links,
    probing,
    proof,
    trips,
    validating,
    whose,
)
from integrations.trials import asking, course

_refreshing = threading.Lock()
_checking = threading.Lock()
_watching = threading.Lock()


@shared_task(name="integrations.redeem")
def redeem(*, consent_id: str, **_: object) -> None:
    redeeming.redeem(uuid.UUID(consent_id), now=timezone.now())


@shared_task(name="integrations.redeem_answered")
def redeem_answered(**_: object) -> None:
    """Each in a task of its own: together they could last longer than Redis waits before it gives a task away."""
    for consent_id in connecting.to_redeem(now=timezone.now()):
        nudge(redeem, consent_id=str(consent_id))


@shared_task(name="integrations.refresh_one")
def refresh_one(*, connection_id: int, **_: object) -> None:
    connection = Connection.objects.filter(pk=connection_id, state__in=ALIVE).select_related("user__account").first()
    now = timezone.now()
    if connection is None or states.is_waiting(connection, now=now):
        return  # a page that asks again and again does not shorten the wait Microsoft was promised
    if tokens.held_token(connection, now=now) is None:
        tokens.refresh(connection, now=now)


@shared_task(name="integrations.refresh_due")
def refresh_due(**_: object) -> None:
    """One turn at a time in a process, whatever beat sends meanwhile: each holds several database connections. One
    that left work behind is followed by another task, for the same reason as above."""
    if not _refreshing.acquire(blocking=False):
        return
    try:
        turn = refreshing.take_turn(now=timezone.now())
    finally:
        _refreshing.release()
    if turn.is_full:
        nudge(refresh_due)


@shared_task(name="integrations.apply_policy_to")
def apply_policy_to(*, account_id: int, **_: object) -> None:
    for account in Account.objects.filter(pk=account_id):
        fitting.apply_policy(account, now=timezone.now())  # first: what is allowed again is not let go
        fitting.let_go(account, now=timezone.now())
        checking.give_up_disallowed(account, now=timezone.now())
        approvals.fit(account, now=timezone.now())


@shared_task(name="integrations.apply_policy")
def apply_policy(**_: object) -> None:
    connected = Connection.objects.filter(state__in=fitting.WATCHED).values("account")
    waiting = AwaitedApproval.objects.values("account")
    watched = Account.objects.filter(Q(pk__in=connected) | Q(pk__in=waiting))
    for account_id in watched.values_list("pk", flat=True):
        nudge(apply_policy_to, account_id=account_id)


@shared_task(name="integrations.forget_old_consents")
def forget_old_consents(**_: object) -> None:
    prompt_answers.settle()
    connecting.forget_old(now=timezone.now())


@shared_task(name="integrations.watch_incidents")
def watch_incidents(**_: object) -> None:
    incidents.watch(now=timezone.now())


@shared_task(name="integrations.forget_old_incidents")
def forget_old_incidents(**_: object) -> None:
    incidents.forget_old(now=timezone.now())
    course.forget_old(now=timezone.now())


@shared_task(name="integrations.check_one")
def check_one(*, connection_id: int, **_: object) -> None:
    checking.check(connection_id, now=timezone.now())


@shared_task(name="integrations.carry_out_check")
def carry_out_check(*, connection_id: int, **_: object) -> None:
    asked.carry_out(connection_id, now=timezone.now())


@shared_task(name="integrations.look_up_tenants")
def look_up_tenants(**_: object) -> None:
    tenancy.look_up(now=timezone.now())


@shared_task(name="integrations.prove_consent")
def prove_consent(*, consent_id: str, **_: object) -> None:
    consent_proof.prove(uuid.UUID(consent_id), now=timezone.now())


@shared_task(name="integrations.prove_consents")
def prove_consents(**_: object) -> None:
    """Each in a task of its own, for the same reason as above."""
    for consent_id in consent_proof.to_prove(now=timezone.now()):
        nudge(prove_consent, consent_id=str(consent_id))


@shared_task(name="integrations.release_approved")
def release_approved(**_: object) -> None:
    consent_proof.release_waiting(now=timezone.now())
    admin_consent.forget_old(now=timezone.now())


@shared_task(name="integrations.check_due")
def check_due(**_: object) -> None:
    """Mailboxes in trouble, and those that may appear; one turn at a time in a process."""
    if not _checking.acquire(blocking=False):
        return
    try:
        is_more = checking.check_due(now=timezone.now())
    finally:
        _checking.release()
    if is_more:
        nudge(check_due)


@shared_task(name="integrations.check_link")
def check_link(*, link_id: int, **_: object) -> None:
    link_checks.check_link(link_id, now=timezone.now())


@shared_task(name="integrations.check_links")
def check_links(**_: object) -> None:
    """Each in a task of its own: one slow organization does not keep the others waiting."""
    for link_id in link_checks.to_check(now=timezone.now()):
        nudge(check_link, link_id=link_id)


@shared_task(name="integrations.mind_credentials")
def mind_credentials(**_: object) -> None:
    credential_checks.mind(now=timezone.now())


@shared_task(name="integrations.check_credentials")
def check_credentials(**_: object) -> None:
    credential_checks.check_wanted(now=timezone.now())


@shared_task(name="integrations.count_down_credentials")
def count_down_credentials(**_: object) -> None:
    credentials.look_after(now=timezone.now())


@shared_task(name="integrations.look_into_trial")
def look_into_trial(*, trial_id: str, **_: object) -> None:
    asking.look(uuid.UUID(trial_id), now=timezone.now())


@shared_task(name="integrations.look_into_trials")
def look_into_trials(**_: object) -> None:
    for trial_id in asking.to_look_at(now=timezone.now()):
        nudge(look_into_trial, trial_id=trial_id)


@shared_task(name="integrations.check_organization")
def check_organization(*, link_id: int, **_: object) -> None:
    validating.carry_out(link_id, now=timezone.now())


@shared_task(name="integrations.watch_organizations")
def watch_organizations(**_: object) -> None:
    """One turn at a time in a process."""
    if not _watching.acquire(blocking=False):
        return
    try:
        validating.look_after(now=timezone.now())
    finally:
        _watching.release()


@shared_task(name="integrations.look_up_domains")
def look_up_domains(*, account_id: int, **_: object) -> None:
    for account in Account.objects.filter(pk=account_id):
        whose.look_up(account, now=timezone.now())


@shared_task(name="integrations.prove_authorization")
def prove_authorization(*, request_id: str, **_: object) -> None:
    proof.prove(uuid.UUID(request_id), now=timezone.now())


@shared_task(name="integrations.prove_authorizations")
def prove_authorizations(**_: object) -> None:
    for request_id in trips.to_prove(now=timezone.now()):
        nudge(prove_authorization, request_id=str(request_id))


@shared_task(name="integrations.forget_old_authorizations")
def forget_old_authorizations(**_: object) -> None:
    trips.forget_old(now=timezone.now())


@shared_task(name=links.FOLLOW)
def follow_link(*, link_id: int, **_: object) -> None:
    following.follow(link_id, now=timezone.now())


@shared_task(name=hearing.FOLLOW)
def follow_account(*, account_id: int, **_: object) -> None:
    for link_id in links.of_account(account_id):
        nudge(follow_link, link_id=link_id)


@shared_task(name="integrations.follow_links")
def follow_links(**_: object) -> None:
    """Each in a task of its own, as above."""
    for link_id in following.to_follow(now=timezone.now()):
        nudge(follow_link, link_id=link_id)


@shared_task(name=probing.PROBE)
def probe_link(*, link_id: int, **_: object) -> None:
    if probing.probe(link_id, now=timezone.now()):
        nudge(probe_link, link_id=link_id)


@shared_task(name="integrations.probe_links")
def probe_links(**_: object) -> None:
    for link_id in probing.to_probe(now=timezone.now()):
        nudge(probe_link, link_id=link_id)


@shared_task(name=exchange_servers.CHECK)
def check_server(*, server_id: int, is_due: bool = False, **_: object) -> None:
    server_checks.check(server_id, now=timezone.now(), is_due=is_due)


@shared_task(name="integrations.check_servers")
def check_servers(**_: object) -> None:
    """Each in a task of its own: one slow server does not keep the others waiting."""
    for server_id in server_checks.to_check(now=timezone.now()):
        nudge(check_server, server_id=server_id, is_due=True)
    exchange_telling.tell(now=timezone.now())


@shared_task(name="integrations.check_asked_server")
def check_asked_server(*, server_id: int, **_: object) -> None:
    if not asked_servers.carry_out(server_id, now=timezone.now()):
        nudge(check_asked_server, in_seconds=2, server_id=server_id)


@shared_task(name=exchange_servers.KEEP)
def keep_servers(*, account_id: int, **_: object) -> None:
    for account in Account.objects.filter(pk=account_id):
        exchange_servers.keep(account, now=timezone.now())


@shared_task(name=leaving_ews_wanted.LEAVE)
def leave_ews(*, account_id: int, **_: object) -> None:
    leaving_ews.leave(account_id, now=timezone.now())


@shared_task(name="integrations.leave_ews_all")
def leave_ews_all(**_: object) -> None:
    """Each account in a task of its own, as above."""
    for account_id in leaving_ews.concerned():
        nudge(leave_ews, account_id=account_id)


@shared_task(name="integrations.bring_back_to_ews")
def bring_back_to_ews(**_: object) -> None:
    leaving_ews.bring_back(now=timezone.now())


@shared_task(name="integrations.forget_ews_pasts")
def forget_ews_pasts(**_: object) -> None:
    leaving_ews.forget(now=timezone.now())
