"""Whatever comes in: a clear error, and nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import given
from hypothesis import strategies as st

from accounts import reviewing
from accounts.cascade import changes, declare, facts
from accounts.cascade.changes import Change, Choose, Dissolve, Gone, Inherit, Join, Leave, Rank, from_json, to_json
from accounts.cascade.declare import BadValue, Level, Setting, setting_of
from accounts.cascade.impact import impact
from accounts.cascade.read import decisions_at
from accounts.cascade.write import ChangedMeanwhile, NotAtThisLevel, SettingLocked, choose, inherit, stamp
from accounts.claims import PersonGone
from accounts.groups import NotAMember, Stranger
from accounts.models import AuditEntry, Group, Membership, PendingChange, SettingDecision, User
from integrations.preferences import Integrations, ServicePolicy
from tests.cast import FOUNDED, Cast

NOW = FOUNDED + timedelta(days=1)
ENABLED: Setting = setting_of(Integrations, "enabled")
SERVICES: Setting = setting_of(Integrations, "services")
GRACE: Setting = setting_of(Integrations, "grace")
DOMAINS: Setting = setting_of(Integrations, "domains")
POLICY: dict[str, Any] = SERVICES.to_json(ServicePolicy())
HIDDEN = [one for section in declare.sections() for one in declare.settings_of(section) if not one.offered]
NUMBERS_OF_NOBODY = [0, -1, 2**31, 2**62, 2**70]


@contextmanager
def nothing_written() -> Iterator[None]:
    before = everything()
    yield
    assert everything() == before


def everything() -> list[Any]:
    models = (SettingDecision, PendingChange, AuditEntry, Membership, Group)
    return [sorted(map(repr, model._default_manager.values_list())) for model in models]


def submit(change: Change, by: User, *, seen: str | None = None) -> Any:
    return reviewing.submit(change, by=by, back="/", seen=seen, now=NOW)


def stored(raw: Any, cast: Cast) -> PendingChange:
    one: PendingChange = PendingChange.objects.create(
        account=cast.kestrel, by=cast.dana, change=raw, back="/", created_at=NOW, expires_at=NOW + timedelta(hours=1)
    )
    return one


# ── Keys and values ─────────────────────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Choose, Inherit])
@pytest.mark.parametrize(
    "key",
    [
        "",
        "integrations",
        "integrations.nothing",
        "INTEGRATIONS.ENABLED",
        "integrations.enabled\0",
        "ключ",
        "x" * 100_000,
    ],
)
def test_a_key_that_nobody_declares_is_refused(kind: Any, key: str, cast: Cast) -> None:
    more = (False,) if kind is Choose else ()

    with nothing_written(), pytest.raises(BadValue, match="There is no setting"):
        submit(kind(key, Level.ACCOUNT, cast.kestrel.pk, *more), cast.dana)


@pytest.mark.django_db
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda one: one.key)
def test_a_setting_that_is_not_offered_cannot_be_decided(hidden: Setting, cast: Cast) -> None:
    value = hidden.to_json(hidden.default)

    with nothing_written(), pytest.raises(BadValue, match="There is no setting"):
        submit(Choose(hidden.key, Level.ACCOUNT, cast.kestrel.pk, value), cast.dana)


WRONG: list[tuple[Setting, Any]] = [
    *((ENABLED, value) for value in (1, 0, 1.0, "on", "true", None, [], [True], {"value": True}, "\0", "x" * 100_000)),
    *((GRACE, value) for value in (True, "7", 7.0, -1, 31, 10**30, None, [7])),
    *((SERVICES, value) for value in (None, [], "office_365", {}, POLICY | {"more": 1}, list(POLICY.values()))),
    (SERVICES, {key: value for key, value in POLICY.items() if key != "contacts_write"}),
    (SERVICES, POLICY | {"calendar_write": 1}),
    (SERVICES, POLICY | {"calendar_write": "on"}),
    (SERVICES, POLICY | {"authorize_with": "carrier pigeon"}),
    (SERVICES, POLICY | {"authorize_with": "graph\0"}),
    (SERVICES, POLICY | {"default_service": ["office_365"]}),
    (DOMAINS, {"is_on": True, "domains": []}),
    (DOMAINS, {"is_on": True, "domains": "kestrel.example"}),
    (DOMAINS, {"is_on": True, "domains": [1]}),
    (DOMAINS, {"is_on": True, "domains": ["KESTREL.example"]}),
    (DOMAINS, {"is_on": True, "domains": ["möwe.example"]}),
    (DOMAINS, {"is_on": True, "domains": ["kestrel\0.example"]}),
    (DOMAINS, {"is_on": True, "domains": ["*.kestrel.example"]}),
    (DOMAINS, {"is_on": True, "domains": ["b.example", "a.example"]}),
    (DOMAINS, {"is_on": False, "domains": ["a.example", "a.example"]}),
    (DOMAINS, {"is_on": False, "domains": ["x" * 100_000]}),
    (DOMAINS, {"is_on": True, "domains": [f"{n:04}.example" for n in range(501)]}),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("setting", "value"), WRONG, ids=lambda one: getattr(one, "key", repr(one)[:40]))
def test_a_value_of_the_wrong_form_is_refused(setting: Setting, value: Any, cast: Cast) -> None:
    with nothing_written(), pytest.raises(BadValue, match=setting.key):
        submit(Choose(setting.key, Level.ACCOUNT, cast.kestrel.pk, value), cast.dana)


@pytest.mark.django_db
def test_a_wrong_value_does_not_pass_for_the_equal_one_that_is_stored(cast: Cast) -> None:
    """1 is True in Python, and 7.0 is 7."""
    choose(ENABLED, True, at=cast.kestrel, actor=cast.dana, now=FOUNDED)
    choose(GRACE, 1, at=cast.kestrel, actor=cast.dana, now=FOUNDED)

    for setting, value in ((ENABLED, 1), (ENABLED, 1.0), (GRACE, True), (GRACE, 1.0)):
        with nothing_written(), pytest.raises(BadValue):
            submit(Choose(setting.key, Level.ACCOUNT, cast.kestrel.pk, value), cast.dana)
        with nothing_written(), pytest.raises(BadValue):
            choose(setting, value, at=cast.kestrel, actor=cast.dana, now=NOW)


# ── Levels and locks ────────────────────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "value", "who", "is_locked"),
    [
        (SERVICES, POLICY, "alice", False),
        (GRACE, 3, "sales", False),
        (GRACE, 3, "alice", False),
        (ENABLED, False, "alice", True),  # nobody is below
        (GRACE, 3, "kestrel", True),
    ],
)
def test_what_the_declaration_does_not_allow_at_a_level_is_refused(
    setting: Setting, value: Any, who: str, is_locked: bool, cast: Cast
) -> None:
    at = getattr(cast, who)
    level = {"kestrel": Level.ACCOUNT, "sales": Level.GROUP, "alice": Level.USER}[who]

    with nothing_written(), pytest.raises(NotAtThisLevel):
        submit(Choose(setting.key, level, at.pk, value, is_locked), cast.dana)
    with nothing_written(), pytest.raises(NotAtThisLevel):
        choose(setting, setting.from_json(value), at=at, is_locked=is_locked, actor=cast.dana, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(("lock", "who"), [("kestrel", "sales"), ("kestrel", "alice"), ("sales", "alice")])
def test_what_is_locked_above_is_refused_with_who_locked_it(lock: str, who: str, cast: Cast) -> None:
    at = getattr(cast, who)
    level = Level.GROUP if isinstance(at, Group) else Level.USER
    choose(ENABLED, True, at=at, actor=cast.dana, now=FOUNDED)
    reviewed = submit(Choose(ENABLED.key, level, at.pk, False), cast.dana)
    choose(ENABLED, True, at=getattr(cast, lock), is_locked=True, actor=cast.dana, now=FOUNDED)

    for change in (Choose(ENABLED.key, level, at.pk, False), Inherit(ENABLED.key, level, at.pk)):
        with nothing_written(), pytest.raises(SettingLocked) as refused:
            submit(change, cast.dana)
        assert (refused.value.by.place, refused.value.by.by) == (str(getattr(cast, lock)), cast.dana)
    with nothing_written(), pytest.raises(SettingLocked):
        reviewing.confirm(reviewed, actor=cast.dana, reason="", now=NOW)
    with nothing_written(), pytest.raises(SettingLocked):
        inherit(ENABLED, at=at, actor=cast.dana, now=NOW)


# ── Stale forms ─────────────────────────────────────────────────────────────
@pytest.mark.django_db
@pytest.mark.parametrize("seen", ["", "inherited ", "0" * 32, "\0", "x" * 100_000])
@pytest.mark.parametrize("is_decided", [True, False])
def test_a_form_that_saw_something_else_is_refused(seen: str, is_decided: bool, cast: Cast) -> None:
    if is_decided:
        choose(ENABLED, True, at=cast.kestrel, actor=cast.dana, now=FOUNDED)

    for change in (
        Choose(ENABLED.key, Level.ACCOUNT, cast.kestrel.pk, False),
        Inherit(ENABLED.key, Level.ACCOUNT, cast.kestrel.pk),
    ):
        with nothing_written(), pytest.raises(ChangedMeanwhile) as refused:
            submit(change, cast.dana, seen=seen)
        assert bool(refused.value.now) is is_decided


@pytest.mark.django_db
def test_a_decision_made_anew_in_the_same_instant_is_noticed(cast: Cast) -> None:
    choose(ENABLED, True, at=cast.kestrel, actor=cast.dana, now=NOW)
    seen = stamp(decisions_at(cast.kestrel, [ENABLED])[ENABLED.key])
    choose(ENABLED, False, at=cast.kestrel, actor=cast.dana, now=NOW)

    with nothing_written(), pytest.raises(ChangedMeanwhile):
        inherit(ENABLED, at=cast.kestrel, actor=cast.dana, now=NOW, seen=seen)


# ── Places of others, and of nobody ─────────────────────────────────────────
@pytest.fixture
def theirs(cast: Cast) -> Group:
    """A group of the other account."""
    return Group.objects.create(account=cast.corvid, name="Theirs", rank=1, created_at=FOUNDED)


@pytest.mark.django_db
def test_every_change_of_a_place_of_another_account_is_refused(cast: Cast, theirs: Group) -> None:
    Membership.objects.create(group=theirs, user=cast.mallory)
    places = [(Level.ACCOUNT, cast.corvid.pk), (Level.GROUP, theirs.pk), (Level.USER, cast.mallory.pk)]
    refused: list[Change] = [Choose(ENABLED.key, level, pk, False) for level, pk in places]
    refused += [Inherit(ENABLED.key, level, pk) for level, pk in places]
    refused += [Rank(theirs.pk, None), Rank(theirs.pk, cast.sales.pk), Rank(cast.sales.pk, theirs.pk)]
    refused += [Join(theirs.pk, (cast.bob.pk,)), Leave(theirs.pk, (cast.mallory.pk,)), Dissolve(theirs.pk)]

    for change in refused:
        with nothing_written(), pytest.raises(Gone):
            submit(change, cast.dana)
        one = stored(to_json(change), cast)
        with nothing_written(), pytest.raises(Gone):
            reviewing.confirm(one, actor=cast.dana, reason="", now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("number", NUMBERS_OF_NOBODY)
def test_every_change_of_a_place_that_is_not_there_is_refused(number: int, cast: Cast) -> None:
    refused: list[Change] = [Choose(ENABLED.key, level, number, False) for level in Level]
    refused += [Inherit(ENABLED.key, level, number) for level in Level]
    refused += [Rank(number, None), Rank(number, cast.sales.pk), Rank(cast.sales.pk, number)]
    refused += [Join(number, (cast.bob.pk,)), Leave(number, (cast.bob.pk,)), Dissolve(number)]

    for change in refused:
        with nothing_written(), pytest.raises(Gone):
            submit(change, cast.dana)


@pytest.mark.django_db
def test_with_one_stranger_among_them_nobody_joins(cast: Cast) -> None:
    people = (cast.bob.pk, cast.mallory.pk)

    with nothing_written(), pytest.raises(Stranger):
        submit(Join(cast.sales.pk, people), cast.dana)
    with nothing_written(), pytest.raises(NotAMember):
        submit(Leave(cast.sales.pk, people), cast.dana)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, -1, 2**31, 2**62])
def test_people_that_are_not_there_cannot_join_or_leave(number: int, cast: Cast) -> None:
    with nothing_written(), pytest.raises((PersonGone, Gone)):
        submit(Join(cast.sales.pk, (cast.bob.pk, number)), cast.dana)
    with nothing_written(), pytest.raises((NotAMember, Gone)):
        submit(Leave(cast.sales.pk, (number,)), cast.dana)


@pytest.mark.django_db
def test_strangers_are_never_counted_among_the_affected(cast: Cast, theirs: Group) -> None:
    choose(ENABLED, False, at=cast.sales, actor=cast.dana, now=FOUNDED)

    found = impact(cast.kestrel, Join(cast.sales.pk, (cast.bob.pk, cast.mallory.pk)))

    assert found.people == {cast.bob.pk}


@pytest.mark.django_db
def test_the_consequences_of_what_is_gone_are_refused_too(cast: Cast, theirs: Group) -> None:
    gone: list[Change] = [
        Choose(ENABLED.key, Level.GROUP, theirs.pk, False),
        Choose(ENABLED.key, Level.USER, cast.mallory.pk, False),
        Rank(theirs.pk, None),
        Rank(cast.sales.pk, theirs.pk),
        Join(theirs.pk, (cast.bob.pk,)),
        Leave(theirs.pk, (cast.bob.pk,)),
        Dissolve(theirs.pk),
    ]

    for change in gone:
        with pytest.raises(Gone):
            impact(cast.kestrel, change)
        with pytest.raises(Gone):
            facts.load(cast.kestrel, [ENABLED]).after(change)


# ── Those who may not ───────────────────────────────────────────────────────
@pytest.mark.django_db
def test_nobody_changes_what_somebody_else_has_to_decide(cast: Cast) -> None:
    pk = cast.kestrel.pk
    refused: list[tuple[User, Change]] = [
        (cast.alice, Choose(ENABLED.key, Level.ACCOUNT, pk, False)),
        (cast.alice, Choose(ENABLED.key, Level.GROUP, cast.sales.pk, False)),
        (cast.alice, Choose(ENABLED.key, Level.USER, cast.bob.pk, False)),
        (cast.alice, Join(cast.sales.pk, (cast.bob.pk,))),
        (cast.gus, Choose(ENABLED.key, Level.ACCOUNT, pk, False)),
        (cast.gus, Choose(ENABLED.key, Level.USER, cast.alice.pk, False)),
        (cast.gus, Rank(cast.sales.pk, None)),
        (cast.gus, Dissolve(cast.sales.pk)),
    ]

    for by, change in refused:
        with nothing_written(), pytest.raises(PermissionDenied):
            submit(change, by)


@pytest.mark.django_db
def test_an_admin_who_is_one_no_longer_cannot_confirm(cast: Cast) -> None:
    one = submit(Choose(ENABLED.key, Level.GROUP, cast.sales.pk, False, is_locked=True), cast.gus)
    Membership.objects.filter(user=cast.gus).update(is_admin=False)

    with nothing_written(), pytest.raises(PermissionDenied):
        reviewing.confirm(one, actor=cast.gus, reason="", now=NOW)


# ── Changes as JSON ─────────────────────────────────────────────────────────
MALFORMED: list[Any] = [
    {},
    [],
    "choose",
    7,
    True,
    [["word", "choose"]],
    {"word": "destroy"},
    {"word": None},
    {"word": ["choose"]},
    {"word": "choose"},
    {"word": "choose", "key": "integrations.enabled", "level": "account", "place": "1", "value": True},
    {"word": "choose", "key": "integrations.enabled", "level": "account", "place": 1.0, "value": True},
    {"word": "choose", "key": "integrations.enabled", "level": "account", "place": True, "value": True},
    {"word": "choose", "key": "integrations.enabled", "level": "planet", "place": 1, "value": True},
    {"word": "choose", "key": "integrations.enabled", "level": None, "place": 1, "value": True},
    {"word": "choose", "key": 7, "level": "account", "place": 1, "value": True},
    {"word": "choose", "key": "integrations.enabled", "level": "account", "place": 1, "value": True, "is_locked": "no"},
    {"word": "choose", "key": "integrations.enabled", "level": "account", "place": 1, "value": True, "more": 1},
    {"word": "inherit", "key": "integrations.enabled", "level": "account", "place": 1, "value": True},
    {"word": "rank", "group": 1},
    {"word": "rank", "group": "1", "above": None},
    {"word": "rank", "group": 1, "above": "2"},
    {"word": "join", "group": 1, "people": 7},
    {"word": "join", "group": 1, "people": "78"},
    {"word": "join", "group": 1, "people": ["7"]},
    {"word": "leave", "group": 1, "people": [[7]]},
    {"word": "leave", "group": 1, "people": None},
    {"word": "dissolve", "group": None},
    {"word": "dissolve", "group": 1, "people": []},
]


@pytest.mark.django_db
@pytest.mark.parametrize("raw", MALFORMED, ids=lambda raw: json.dumps(raw)[:60])
def test_a_stored_change_that_makes_no_sense_is_refused_and_left(raw: Any, cast: Cast) -> None:
    one = stored(raw, cast)

    with nothing_written(), pytest.raises(BadValue, match="no change of settings"):
        reviewing.reviewed(one)
    with nothing_written(), pytest.raises(BadValue, match="no change of settings"):
        reviewing.confirm(one, actor=cast.dana, reason="", now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(["word", "key", "level", "place", "value", "is_locked", "group", "above", "people"])
words = st.sampled_from(["choose", "inherit", "rank", "join", "leave", "dissolve"])
numbers = st.integers(-5, 2**40)
all_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Choose, st.text(), st.sampled_from(Level), numbers, json_values, st.booleans()),
    st.builds(Inherit, st.text(), st.sampled_from(Level), numbers),
    st.builds(Rank, numbers, st.none() | numbers),
    st.builds(Join, numbers, st.lists(numbers).map(tuple)),
    st.builds(Leave, numbers, st.lists(numbers).map(tuple)),
    st.builds(Dissolve, numbers),
)


@given(all_changes)
def test_every_change_comes_back_from_its_json(change: Change) -> None:
    back = from_json(json.loads(json.dumps(to_json(change))))

    assert back == change
    assert type(back) is type(change)


@given(st.dictionaries(fields, json_values) | json_values, words)
def test_any_json_is_either_a_change_or_refused(raw: Any, word: str) -> None:
    try:
        change = from_json(raw | {"word": word} if isinstance(raw, dict) else raw)
    except BadValue as problem:
        assert len(str(problem)) < 300
        return

    assert isinstance(change, Choose | Inherit | Rank | Join | Leave | Dissolve)
    assert replace(change) == from_json(to_json(change))


def test_what_a_stored_change_says_is_plain_json() -> None:
    assert changes.to_json(Join(3, (1, 2))) == {"word": "join", "group": 3, "people": [1, 2]}
