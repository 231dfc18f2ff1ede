"""The servers of an account: every EWS address its people are, or may be, connected by, and the impersonation account
that an admin has set there.

The account's password is sealed; nothing ever shows it again.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, vault
from accounts.models import Account, User
from accounts.nudging import nudge
from integrations import states
from integrations.exchange import places
from integrations.models import Connection, EwsPast, ExchangeServer, State
from integrations.preferences import Method, ServicePolicy

CHECK = "integrations.check_server"  # the task
KEEP = "integrations.keep_servers"

ACCOUNT_SET = audit.declare(
    "exchange.impersonation_set", "{actor} set the impersonation account of the Exchange server {target}."
)
ACCOUNT_REPLACED = audit.declare(
    "exchange.impersonation_replaced", "{actor} replaced the impersonation account of the Exchange server {target}."
)
ACCOUNT_REMOVED = audit.declare(
    "exchange.impersonation_removed", "{actor} removed the impersonation account of the Exchange server {target}."
)


def for_policy(account: Account, policy: ServicePolicy, *, now: datetime) -> ExchangeServer:
    """The server of a policy of the service *Exchange*; written down where it is the first time it is needed."""
    return at(account, policy.ews_url, now=now)


def at(account: Account, address: str, *, now: datetime) -> ExchangeServer:
    """`address`: canonical, see `ews_addresses`."""
    fresh = {"since_at": now, "check_due_at": now}
    server, is_new = ExchangeServer.objects.get_or_create(account=account, address=address, defaults=fresh)
    if is_new or server.check_due_at is None:
        ExchangeServer.objects.filter(pk=server.pk).update(check_due_at=now)
        transaction.on_commit(partial(_nudge, server.pk))
    return server


def named(server: ExchangeServer, build: str) -> None:
    """It has said what it is: from now on it is asked in words that it knows."""
    if build:
        ExchangeServer.objects.filter(pk=server.pk).update(build=build[:40])


def keep(account: Account, *, now: datetime) -> None:
    """Every server that the settings name is written down, and looked at. May be said again and again."""
    known = set(of(account).values_list("address", flat=True))
    for address in places.deciding(account).keys() - known:
        at(account, address, now=now)


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    """A nudge for the worker; whoever needs a server first finds it anyway."""
    if key == places.SERVICES.key:
        nudge(current_app.signature(KEEP), account_id=account.pk)


def of(account: Account) -> QuerySet[ExchangeServer]:
    return ExchangeServer.objects.filter(account=account).order_by("address")


def has_account(server: ExchangeServer) -> bool:
    """Whether an impersonation account is set; whether it is let in is the server's state."""
    return bool(server.password)


def is_used(server: ExchangeServer) -> bool:
    """Whether there is a reason to ask it anything: somebody is connected there, an account is set, or the settings
    name it."""
    if server.password or connected_at(server).exists():
        return True
    return server.address in places.deciding(server.account)


def rest(server: ExchangeServer) -> None:
    """Nobody uses it: it is not asked any more, and forgotten where nothing is left that was ever opened there."""
    unused = ExchangeServer.objects.filter(pk=server.pk, password="")
    with transaction.atomic():
        remembered = (
            Connection.objects.filter(server=server.pk).exists() or EwsPast.objects.filter(server=server.pk).exists()
        )
        if not remembered and unused.delete()[0]:
            return
        ExchangeServer.objects.filter(pk=server.pk).update(check_due_at=None)


def connected_at(server: ExchangeServer) -> QuerySet[Connection]:
    return Connection.objects.filter(server=server.pk).exclude(state=State.DISCONNECTED)


def impersonated_by(server: ExchangeServer) -> QuerySet[Connection]:
    """Whom its impersonation account connects."""
    return connected_at(server).filter(method=Method.IMPERSONATION.value)


def carried_on(server: ExchangeServer) -> QuerySet[Connection]:
    """Whom it would pause if its impersonation account were removed; with their people."""
    going_on = impersonated_by(server).filter(state__in=(State.CONNECTED, State.DEGRADED, State.PAUSED))
    return going_on.select_related("user").defer("refresh_token", "access_token", "claims", "password")


def set_impersonation(server: ExchangeServer, *, user_name: str, password: str, actor: User, now: datetime) -> None:
    """In place of the one before, if any. A check follows at once; whoever waited comes back by it."""
    with transaction.atomic():
        held = ExchangeServer.objects.select_for_update(of=("self",)).select_related("account").get(pk=server.pk)
        sealed = vault.seal(password, bound_to=vault.place_of(held, "password"))
        ExchangeServer.objects.filter(pk=held.pk).update(
            user_name=user_name,
            password=sealed,
            version=held.version + 1,
            set_by=actor,
            set_at=now,
            check_due_at=now,
            claimed_until=None,
        )
        states.account_changed(held, now=now)
        action = ACCOUNT_REPLACED if held.password else ACCOUNT_SET
        audit.record(action, account=held.account, actor=actor, on=held, now=now, after={"user_name": user_name})
        transaction.on_commit(partial(_nudge, held.pk))


def remove_impersonation(server: ExchangeServer, *, actor: User, now: datetime, reason: str = "") -> int:
    """The password is destroyed, and whoever it connected is paused until another is set. Answers how many."""
    with transaction.atomic():
        held = ExchangeServer.objects.select_for_update(of=("self",)).select_related("account").get(pk=server.pk)
        if not held.password:
            return 0
        ExchangeServer.objects.filter(pk=held.pk).update(
            user_name="",
            password="",
            version=held.version + 1,
            set_by=None,
            set_at=None,
            check_due_at=now,
            claimed_until=None,
        )
        states.account_changed(held, now=now)
        count = states.account_gone(held, now=now)
        before, after = {"user_name": held.user_name}, {"connections": count}
        audit.record(
            ACCOUNT_REMOVED,
            account=held.account,
            actor=actor,
            on=held,
            now=now,
            before=before,
            after=after,
            reason=reason,
            affected=count,
        )
        transaction.on_commit(partial(_nudge, held.pk))
    return count


def _nudge(server_id: int) -> None:
    nudge(current_app.signature(CHECK), server_id=server_id)
