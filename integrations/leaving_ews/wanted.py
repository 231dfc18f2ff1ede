"""Whose connection by EWS is to go by Graph: what the settings say, laid on the connections that there are."""

from __future__ import annotations

from collections.abc import Iterable

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet

from accounts import listed
from accounts.cascade import facts
from accounts.cascade.declare import setting_of, settings_of
from accounts.cascade.facts import Held
from accounts.models import Account, User
from accounts.nudging import nudge
from integrations.leaving_ews.found import forget_tries
from integrations.models import Connection, Move, State
from integrations.policy import is_by_organization
from integrations.preferences import Api, Integrations, Service

LEAVE = "integrations.leave_ews"  # the task
_SERVICES = setting_of(Integrations, "services").key


def wants_graph(values: Integrations) -> bool:
    """Whether the settings have somebody go by Graph."""
    services = values.services
    is_graph = services.default_service == Service.OFFICE_365 and services.authorize_with == Api.GRAPH
    return values.enabled and is_graph


def wants_organization(values: Integrations) -> bool:
    """The same, by the consent of their organization."""
    return wants_graph(values) and is_by_organization(values)


def by_ews(account: Account) -> QuerySet[Connection]:
    """Everything that goes by EWS and was not ended, as it stands."""
    return Connection.objects.filter(account=account, api=Api.EWS.value).exclude(state=State.DISCONNECTED)


def accounts_concerned() -> QuerySet[Account]:
    """Those with anybody by EWS."""
    using = Connection.objects.filter(api=Api.EWS.value).exclude(state=State.DISCONNECTED)
    return Account.objects.filter(pk__in=using.values("account")).order_by("pk")


def mark_ready(account: Account) -> None:
    """Before new settings are laid on them: whoever may have to leave EWS goes on by it until Graph has opened the
    mailbox. Where the settings stay with EWS this says nothing."""
    _mark(account, by_ews(account).filter(move=Move.UNKNOWN), Move.READY)


def sort_out(account: Account) -> dict[int, Integrations]:
    """Who is to be moved, by connection, with what their settings say. Of whom the settings say EWS again nothing is
    asked any more. Four queries, and two more where anything changes."""
    rows = list(by_ews(account).order_by("pk").values_list("pk", "user_id", "move"))
    if not rows:
        return {}
    holding = _holding(account)
    found, begun, over = dict[int, Integrations](), list[int](), list[int]()
    for pk, person, move in rows:
        if (held := holding.get(person)) is None:
            continue
        if wants_graph(held.values):
            found[pk] = held.values
            begun += [pk] if move == Move.UNKNOWN else []
        elif move in (Move.ASKED, Move.REFUSED):
            over.append(pk)
    if begun:
        _mark(account, _named(begun), Move.READY)
    if over:
        _mark(account, _named(over), Move.UNKNOWN)
    return found


def settings_changed(*, account: Account, key: str, **_: object) -> None:
    """Called after the transaction in which they changed: first of all who may stay meanwhile is written down."""
    if key.startswith(Integrations.prefix + "."):
        if key == _SERVICES:
            forget_tries(by_ews(account))
        mark_ready(account)
        nudge(current_app.signature(LEAVE), account_id=account.pk)


def people_placed(*, account: Account, **_: object) -> None:
    """The ranks of groups changed, or who is in them."""
    mark_ready(account)
    nudge(current_app.signature(LEAVE), account_id=account.pk)


def _holding(account: Account) -> dict[int, Held[Integrations]]:
    people: QuerySet[User] = User.objects.filter(pk__in=by_ews(account).values("user"))
    return facts.load(account, settings_of(Integrations), people=people).held(Integrations)


def _named(ids: Iterable[int]) -> QuerySet[Connection]:
    return Connection.objects.filter(pk__in=listed.ids(ids), api=Api.EWS.value)


def _mark(account: Account, found: QuerySet[Connection], move: Move) -> None:
    with transaction.atomic():
        mine = found.filter(account=account).select_for_update(of=("self",), no_key=True).order_by("pk")
        if ids := list(mine.values_list("pk", flat=True)):
            Connection.objects.filter(pk__in=listed.ids(ids)).update(move=move)
