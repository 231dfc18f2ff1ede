"""The Celery application and the whole beat schedule."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import beat_embedded_init, beat_init, setup_logging, task_postrun, worker_init, worker_ready
from django.utils import timezone

from config.environment import settings_or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings_or_exit()


def _every(seconds: float, task: str) -> dict[str, Any]:
    """A sweep that no worker has taken when the next is due is not needed: without workers none pile up."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app = Celery("meridian")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,  # state lives in the database
    task_acks_late=True,  # a worker that dies gives its task back; every task may run twice
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # Longer than any task, one included that holds new tokens while the database is away. What a dead worker had
        # taken comes back late by this, and is found sooner by the sweeps.
        "visibility_timeout": 900,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # A publisher that finds Redis gone must not hold a web thread: the sweep finds the work anyway.
        # (Without the next three, kombu tries for six seconds; the worker's own reconnecting is not bound by them.)
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
    },
    task_publish_retry=False,
    timezone="UTC",
    beat_schedule={
        # Consents that were answered at Microsoft but whose nudge was lost, or whose worker died.
        "redeem-answered-consents": _every(5.0, "integrations.redeem_answered"),
        # Tokens whose time has come, and connections that failed for a passing reason.
        "refresh-due-tokens": _every(10.0, "integrations.refresh_due"),
        # Mailboxes that did not answer, or are not there yet.
        "check-due-mailboxes": _every(10.0, "integrations.check_due"),
        # The consents of organizations: whether they hold, and their tokens in time.
        "check-links": _every(10.0, "integrations.check_links"),
        # Connections, and those who wait for an administrator, against the settings that hold now; a lost nudge costs a
        # minute.
        "apply-policy": _every(60.0, "integrations.apply_policy"),
        # Consents nobody finished, and what was kept of those that ended.
        "forget-old-consents": _every(600.0, "integrations.forget_old_consents"),
        # Many connections of one tenant in passing trouble at once.
        "watch-incidents": _every(30.0, "integrations.watch_incidents"),
        # Tests of the integration that somebody follows.
        "look-into-trials": _every(5.0, "integrations.look_into_trials"),
        # Incidents and tests of the integration, three months after.
        "forget-old-incidents": _every(6 * 3600.0, "integrations.forget_old_incidents"),
        # Directories of organizations, and the settings that say whom their consent is used for.
        "follow-links": _every(10.0, "integrations.follow_links"),
        # Whoever the settings want to go by Graph and who still goes by EWS; the way back; what it was before.
        "leave-ews": _every(60.0, "integrations.leave_ews_all"),
        "bring-back-to-ews": _every(60.0, "integrations.bring_back_to_ews"),
        "forget-ews-pasts": _every(600.0, "integrations.forget_ews_pasts"),
        # All mailboxes of organizations in turn, about four times a day.
        "probe-links": _every(60.0, "integrations.probe_links"),
        # What Microsoft grants to organizations against what their settings need.
        "watch-organizations": _every(60.0, "integrations.watch_organizations"),
        # The organizations’ own Exchange servers, and letters about those in trouble.
        "check-servers": _every(10.0, "integrations.check_servers"),
        # Long jobs whose nudge was lost, or whose worker died.
        "work-on-jobs": _every(5.0, "accounts.work_on_jobs"),
        # Jobs a month after their end, and those nobody confirmed.
        "forget-old-jobs": _every(600.0, "accounts.forget_old_jobs"),
        # Letters whose nudge was lost, whose worker died, or that no mail server took.
        "send-letters": _every(10.0, "accounts.send_letters"),
        # Letters of a season ago.
        "forget-old-letters": _every(6 * 3600.0, "accounts.forget_old_letters"),
        # Whose domain it is that somebody waits in for an administrator's approval.
        "look-up-tenants": _every(30.0, "integrations.look_up_tenants"),
        # Administrators' consents that nobody has proved yet.
        "prove-consents": _every(5.0, "integrations.prove_consents"),
        # Authorizations by Office 365 admins: answered ones, and those that nobody finished.
        "prove-authorizations": _every(5.0, "integrations.prove_authorizations"),
        "forget-old-authorizations": _every(60.0, "integrations.forget_old_authorizations"),
        # Those whom a consent covers and whose worker died; links nobody used.
        "release-approved": _every(60.0, "integrations.release_approved"),
        # Our own credential: a probe while Microsoft refuses it, and what follows once it is accepted again.
        "mind-credentials": _every(60.0, "integrations.mind_credentials"),
        # The end of each credential comes nearer.
        "count-down-credentials": _every(3600.0, "integrations.count_down_credentials"),
        # Proofs of associated domains: those somebody waits for, and daily those that count.
        "check-domains": _every(5.0, "accounts.check_domains"),
        # Metadata of identity providers that speak SAML: daily, and hourly while it cannot be read.
        "read-metadata": _every(10.0, "accounts.read_metadata"),
        # The end of the certificates that sign people in comes nearer.
        "count-down-certificates": _every(3600.0, "accounts.count_down_certificates"),
        # Lines of the sign-in log of a season ago.
        "forget-old-sign-ins": _every(6 * 3600.0, "accounts.forget_old_sign_ins"),
        # Rows of sessions that have ended.
        "forget-expired-sessions": _every(6 * 3600.0, "accounts.forget_expired_sessions"),
    },
)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Connected, so that Celery leaves logging as settings.py configured it."""


@worker_init.connect
def open_what_is_stored(**_: Any) -> None:
    """Before the first task: a worker with wrong keys would find every connection broken."""
    from config.starting import keys_or_exit

    keys_or_exit()


@worker_ready.connect
def begin_to_work(sender: Any, **_: Any) -> None:
    from config import heartbeats, starting

    heartbeats.of_worker(sender)
    starting.credentials_in_background()


@task_postrun.connect
def note_how_credentials_fare(**_: Any) -> None:
    """What Microsoft answered our own credentials meanwhile; mostly there is nothing new to write."""
    from integrations import credentials

    credentials.note_down(now=timezone.now())


@beat_init.connect
@beat_embedded_init.connect
def begin_to_beat(**_: Any) -> None:
    from config import heartbeats

    heartbeats.of_beat()
