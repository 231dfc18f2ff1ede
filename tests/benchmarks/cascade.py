"""Who has what, for how many, and what a lock would do, each beside hand-written SQL that returns the same rows: of
100,000 people in 2,000 ranked groups, on PostgreSQL. And what ten times the people cost."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.stage import Measure, main

if TYPE_CHECKING:
    from accounts.cascade.declare import Setting
    from tests.benchmarks.organization import Organization

TEN_TIMES = 12  # may ten times the people cost
PEOPLE = 100_000


@dataclass(frozen=True)
class Question:
    """Asked of the product and answered by hand; `rows` and `rows_by_hand` make of either what must be the same."""

    name: str
    ask: Callable[[], Any]
    by_hand: Callable[[], Any]
    # The targets.
    ratio: float
    queries: int
    rows: Callable[[Any], Any] = sorted
    rows_by_hand: Callable[[Any], Any] = sorted


@dataclass(frozen=True)
class Taken:
    seconds: float
    by_hand: float
    queries: int


def run(small: bool, directory: Path) -> list[Measure]:
    from django.db import connection

    from tests.benchmarks import organization

    if connection.vendor != "postgresql":
        raise SystemExit("The cascade is measured on PostgreSQL. Install it, or set TEST_DATABASE_URL.")
    with connection.cursor() as cursor:
        # A core for each side: in a portal the others serve other people, and a second one depends on the machine.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    rounds = 9 if small else 25  # fewer people would measure how a query is put together, and not the query
    tenth = {question.name: _taken(question, rounds) for question in questions(organization.founded(PEOPLE // 10))}
    whole = organization.founded(PEOPLE)
    measures = [_page(whole)]
    for question in questions(whole):
        measures += _measures(question, _taken(question, rounds), tenth[question.name])
    return measures


# ── The questions ───────────────────────────────────────────────────────────
def questions(on: Organization) -> Iterator[Question]:
    yield from _who_has_it(on)
    yield _everyones_section(on)
    yield _impact_of_a_lock(on)


def _who_has_it(on: Organization) -> Iterator[Question]:
    from accounts.cascade import querying
    from accounts.cascade.declare import setting_of
    from accounts.models import User
    from tests.benchmarks import by_hand
    from tests.benchmarks.organization import Desk

    shared = setting_of(Desk, "shared")
    of = (on.account.pk, shared.key, shared.default)

    def have() -> Any:
        return querying.holding(User.objects.all(), shared, value=True, account=on.account)

    yield Question(
        "who has it",
        lambda: list(have().values_list("pk", flat=True)),
        lambda: by_hand.who_has(*of, value=True),
        ratio=1.5,
        queries=1,
    )
    yield Question(
        "how many have it",
        lambda: have().count(),
        lambda: by_hand.how_many_have(*of, value=True),
        ratio=2,
        queries=1,
        rows=int,
        rows_by_hand=int,
    )
    yield Question(
        "what all have",
        lambda: list(querying.with_value(User.objects.all(), shared, account=on.account).values_list("pk", "value")),
        lambda: by_hand.what_all_have(*of),
        ratio=2.5,
        queries=1,
        rows_by_hand=_decoded,
    )


def _everyones_section(on: Organization) -> Question:
    from accounts.cascade import facts
    from accounts.cascade.declare import settings_of
    from tests.benchmarks import by_hand
    from tests.benchmarks.organization import Desk

    settings = settings_of(Desk)
    keys = [setting.key for setting in settings]
    return Question(
        "everyone’s section",
        lambda: facts.load(on.account, settings).held(Desk),
        lambda: by_hand.what_decides(on.account.pk, keys),
        ratio=8,
        queries=3,
        rows=lambda held: [_values(setting, held) for setting in settings],
        # What decides is no answer yet: that comes from the database, setting by setting.
        rows_by_hand=lambda _: [_values_by_hand(setting, on.account.pk) for setting in settings],
    )


def _impact_of_a_lock(on: Organization) -> Question:
    from accounts.cascade.changes import Choose
    from accounts.cascade.declare import Level, setting_of
    from accounts.cascade.impact import impact
    from integrations.preferences import Integrations
    from tests.benchmarks import by_hand

    enabled = setting_of(Integrations, "enabled")
    of = (on.account.pk, enabled.key, enabled.default)
    lock = Choose(enabled.key, Level.ACCOUNT, on.account.pk, value=False, is_locked=True)

    def people_and_connections(found: Any) -> Any:
        [connections] = found.consequences
        return sorted(found.changed[enabled.key]), sorted(effect.person for effect in connections.ends)

    return Question(
        "impact of a lock",
        lambda: impact(on.account, lock),
        lambda: (by_hand.who_has(*of, value=True), by_hand.who_is_disconnected(*of)),
        ratio=3,
        queries=4,
        rows=people_and_connections,
        rows_by_hand=lambda both: tuple(map(sorted, both)),
    )


def _page(on: Organization) -> Measure:
    """How often the cascade is asked for the settings of one person: their values, and why they are what they are."""
    from accounts.cascade.declare import settings_of
    from accounts.cascade.explain import explain_at
    from accounts.cascade.read import held
    from accounts.models import SettingDecision, User
    from tests.benchmarks.organization import Desk

    person = User.objects.select_related("account").get(pk=on.people[-1])
    table = SettingDecision._meta.db_table
    most = max(
        sum(table in statement for statement in _statements(ask))
        for ask in (lambda: held(Desk, person), lambda: explain_at(person, settings_of(Desk)))
    )
    return Measure("one person’s page: queries", most, "of the cascade, for values and provenance alike", at_most=1)


# ── What must be the same ───────────────────────────────────────────────────
def _values(setting: Setting, held: Any) -> list[tuple[int, Any]]:
    return sorted((person, setting.to_json(getattr(of.values, setting.name))) for person, of in held.items())


def _values_by_hand(setting: Setting, account: int) -> list[tuple[int, Any]]:
    from tests.benchmarks import by_hand

    return _decoded(by_hand.what_all_have(account, setting.key, setting.to_json(setting.default)))


def _decoded(rows: list[tuple[int, str]]) -> list[tuple[int, Any]]:
    return sorted((person, json.loads(value)) for person, value in rows)


# ── Measured ────────────────────────────────────────────────────────────────
def _taken(question: Question, rounds: int) -> Taken:
    """In turns, the best of each: what else the machine does meets both."""
    assert question.rows(question.ask()) == question.rows_by_hand(question.by_hand()), question.name
    queries = len(_statements(question.ask))
    ours, by_hand = [], []
    for _ in range(rounds):
        ours.append(_seconds(question.ask))
        by_hand.append(_seconds(question.by_hand))
    return Taken(min(ours), min(by_hand), queries)


def _statements(call: Callable[[], object]) -> list[str]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured.captured_queries]


def _seconds(call: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _measures(question: Question, taken: Taken, tenth: Taken) -> Iterator[Measure]:
    ours, by_hand, before = (f"{1000 * seconds:.0f} ms" for seconds in (taken.seconds, taken.by_hand, tenth.seconds))
    yield Measure(question.name, taken.seconds / taken.by_hand, f"{ours} beside {by_hand}", at_most=question.ratio)
    yield Measure(f"{question.name}: queries", taken.queries, "", at_most=question.queries)
    yield Measure(
        f"{question.name}: ten times", taken.seconds / tenth.seconds, f"{ours} beside {before}", at_most=TEN_TIMES
    )


if __name__ == "__main__":
    main(run)
