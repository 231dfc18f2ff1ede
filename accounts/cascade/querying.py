"""What holds, as part of a query: for lists and filters over many people. Adds no query of its own.

The decision of the group that speaks comes by a join: asked once for each person it would cost ten times as much.
"""

from __future__ import annotations

import json
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    FilteredRelation,
    JSONField,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, FirstValue, RowNumber

from accounts.cascade.declare import Setting
from accounts.models import Account, Membership, SettingDecision, User


def with_value(people: QuerySet[User], setting: Setting, *, account: Account, name: str = "value") -> QuerySet[Any]:
    """Those of `people` who are of `account`, each with what holds for them, in the setting's type, under `name`.

    A stored value that does not fit its declaration raises BadValue.
    """
    return _joined(people, setting, account).annotate(**{name: _effective(setting, account)})


def holding(people: QuerySet[User], setting: Setting, value: Any, *, account: Account) -> QuerySet[User]:
    """Those of `people` who are of `account` and for whom `value` holds.

    By sets and not by the joined value: a page of such a list then costs the same however rare the value is.
    """
    stored = _stored(setting, value)
    top = SettingDecision.objects.filter(account=account, key=setting.key)
    given = Q(Exists(top.filter(value=stored)))
    if json.dumps(stored.value) == json.dumps(setting.to_json(setting.default)):
        given |= ~Q(Exists(top))
    deviate = _deciding(setting, account, given & ~Q(said=stored) | ~given & Q(said=stored))
    is_open = ~Q(Exists(top.filter(is_locked=True)))
    holds = Case(When(is_open & deviate, then=~given), default=given, output_field=BooleanField())
    return people.filter(account=account).filter(holds)


def _deciding(setting: Setting, account: Account, is_wanted: Q) -> Q:
    """Those for whom a group or they themselves have decided as wanted, as long as the account has locked nothing."""
    by_rank: dict[str, Any] = {"partition_by": "user", "order_by": "group__rank"}
    # Of each person every row says what the group says that speaks.
    spoken = _decided(setting, account).annotate(
        said=Window(FirstValue("group__decisions__value"), **by_rank),
        binds=Window(FirstValue("group__decisions__is_locked"), **by_rank),
        own=FilteredRelation("user__decisions", condition=Q(user__decisions__key=setting.key)),
    )
    of_groups = spoken.filter(is_wanted, Q(binds=True) | Q(own__isnull=True))
    own = SettingDecision.objects.filter(key=setting.key, user__isnull=False).annotate(said=F("value"))
    of_themselves = own.filter(is_wanted).exclude(user__in=spoken.filter(binds=True).values("user"))
    return Q(pk__in=of_groups.values("user")) | Q(pk__in=of_themselves.values("user"))


def _joined(people: QuerySet[User], setting: Setting, account: Account) -> QuerySet[User]:
    """Each person with the decision of the group that speaks and with their own, at most one of either."""
    member, spoken, own = (_alias(word, setting) for word in ("member", "spoken", "own"))
    of_member = f"{member}__group__decisions"
    return people.filter(account=account).alias(
        **{
            member: FilteredRelation("memberships", condition=Q(memberships__in=Subquery(_speaking(setting, account)))),
            spoken: FilteredRelation(of_member, condition=Q(**{f"{of_member}__key": setting.key})),
            own: FilteredRelation("decisions", condition=Q(decisions__key=setting.key)),
        }
    )


def _speaking(setting: Setting, account: Account) -> QuerySet[Any]:
    """For each person the membership of the best-ranked group that has decided."""
    place = Window(RowNumber(), partition_by="user", order_by="group__rank")
    # As a bound and not as an equality: the planner then knows that hardly any row falls out.
    return _decided(setting, account).annotate(place=place).filter(place__lte=1).values("pk")


def _decided(setting: Setting, account: Account) -> QuerySet[Membership]:
    return Membership.objects.filter(
        group__account=account,
        group__decisions__key=setting.key,
        # Says nothing new, but tells the planner how few decisions are of groups.
        group__decisions__group__isnull=False,
    )


def _effective(setting: Setting, account: Account) -> Case:
    """`decide.decide` in SQL."""
    spoken, own = _alias("spoken", setting), _alias("own", setting)
    top = SettingDecision.objects.filter(account=account, key=setting.key)
    top_value = Subquery(top.values("value"))
    return Case(
        When(Exists(top.filter(is_locked=True)), then=top_value),
        When(Q(**{f"{spoken}__is_locked": True}), then=F(f"{spoken}__value")),
        default=Coalesce(f"{own}__value", f"{spoken}__value", top_value, _stored(setting, setting.default)),
        output_field=_Typed(setting),
    )


def _alias(word: str, setting: Setting) -> str:
    """Of its own for each setting: one query may ask for several."""
    return f"{word}_{setting.key.replace('.', '_')}"


def _stored(setting: Setting, value: Any) -> Value:
    return Value(setting.to_json(value), JSONField())


class _Typed(JSONField):
    """Stored as JSON, read in the setting's type; equal values are decoded once."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting
        self._known: dict[str, Any] = {}

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value not in self._known:
            self._known[value] = self._setting.from_json(json.loads(value))
        return self._known[value]
