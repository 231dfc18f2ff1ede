"""The calendars of a crowd: many events of no consequence, laid around the day of planting, written in bulk.

They are the same for everybody but for ids and the organiser: each row is worked out once, and stamped for everybody.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q

from integrations.simulator.graph.events import rendering
from integrations.simulator.models import Calendar, Event
from integrations.simulator.seeds import emptying, ids

DAYS, BEFORE = 250, timedelta(weeks=10)
SUBJECTS = ("Review", "Planning", "Customer call", "One to one", "Focus time", "Hand-over", "Interview", "Training")
ROOMS = ("Room Heron", "Room Kite", "Room Osprey", "")
FIRST_CHANGE = 1
AT_ONCE = 5_000
# What differs from mailbox to mailbox, and what stands for it in a document.
STAMPED = ("graph_id", "immutable_id", "uid", "ical_uid", "change_key", "organizer_name", "organizer_address")
_MARK = re.compile(r"ZZ(\w+?)ZZ")


@dataclass(frozen=True)
class Pattern:
    """The n-th event of everybody."""

    columns: Sequence[Any]
    pieces: Sequence[str]
    """Of the document: text and names of STAMPED fields by turns."""


def plant(mailboxes: Mapping[Calendar, int], *, now: datetime) -> int:
    """`mailboxes`: default calendars, and how many events belong into each. How many were written.

    What nobody has touched is as on the first day and stays; only what is missing is written.
    """
    for calendar in mailboxes:
        ours = Q(change_number=FIRST_CHANGE, graph_id__startswith=_prefix(calendar))
        emptying.delete(Event.objects.filter(~ours, calendar=calendar))
    counted = Event.objects.filter(calendar__in=mailboxes).order_by().values_list("calendar").annotate(Count("pk"))
    there = dict(counted)
    for calendar, n in mailboxes.items():
        if there.get(calendar.pk, 0) > n:
            emptying.delete(Event.objects.filter(calendar=calendar))
    wanting = {calendar: n for calendar, n in mailboxes.items() if there.get(calendar.pk, 0) != n}
    kinds = {(calendar.person.time_zone, n) for calendar, n in wanting.items()}
    monday = _first_monday(mailboxes) or now.date() - timedelta(days=now.weekday()) - BEFORE
    written = 0
    for zone, n in kinds:
        pattern = _patterns(zone, n, monday, now=now)
        suffixes = [_suffix(number) for number in range(n)]
        alike = [one for one in wanting if (one.person.time_zone, wanting[one]) == (zone, n)]
        written += _insert(row for calendar in alike for row in _rows(calendar, suffixes, pattern))
    return written


def _first_monday(mailboxes: Iterable[Calendar]) -> date | None:
    """From what is there still: what is put back lies where it was, however long ago that is."""
    firsts = {_prefix(calendar) + _suffix(0): calendar.person for calendar in mailboxes}
    first = Event.objects.filter(graph_id__in=firsts).first()
    return first.starts_at.astimezone(ZoneInfo(firsts[first.graph_id].time_zone)).date() if first else None


def _patterns(zone_name: str, count: int, monday: date, *, now: datetime) -> Callable[[int], Pattern]:
    """By their number; most resets need a few."""
    zone = ZoneInfo(zone_name)
    per_day = -(-count // DAYS)

    @cache
    def pattern(number: int) -> Pattern:
        week, weekday = divmod(number * DAYS // count, 5)
        day = monday + timedelta(weeks=week, days=weekday)
        minutes = 9 * 60 + (number % per_day) * (8 * 60 // per_day)
        starts = datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)
        return _pattern(number, starts, zone_name, now=now)

    return pattern


def _pattern(number: int, starts: datetime, zone_name: str, *, now: datetime) -> Pattern:
    ends = starts + timedelta(minutes=30 + 15 * (number % 3))
    room = ROOMS[number % len(ROOMS)]
    event = Event(
        **{name: f"ZZ{name}ZZ" for name in STAMPED},
        change_number=FIRST_CHANGE,
        subject=f"{SUBJECTS[number % len(SUBJECTS)]} {number + 1}",
        starts_at=starts,
        ends_at=ends,
        lasts_until=ends,
        time_zone=zone_name,
        end_time_zone=zone_name,
        locations=[{"displayName": room}] if room else [],
        created_at=now - timedelta(days=30),
        modified_at=now - timedelta(days=2),
    )
    return Pattern(
        columns=[field.get_db_prep_save(field.pre_save(event, True), connection) for field in _FIELDS],
        pieces=[str(piece) for piece in _MARK.split(rendering.document(event))],
    )


def _rows(calendar: Calendar, suffixes: Sequence[str], pattern: Callable[[int], Pattern]) -> Iterator[list[Any]]:
    """What is there already is left out."""
    there = set(Event.objects.filter(calendar=calendar).values_list("graph_id", flat=True))
    person, prefix = calendar.person, _prefix(calendar)
    immutable, key = ids.graph_id("immutable", prefix)[:120], ids.change_key(prefix)[:20]
    uid = ids.ical_uid(prefix)[:-16]
    same = {"organizer_name": person.name, "organizer_address": person.address}
    quoted = {name: json.dumps(value, ensure_ascii=False)[1:-1] for name, value in same.items()}
    for number, suffix in enumerate(suffixes):
        if (graph_id := prefix + suffix) in there:
            continue
        own_uid = f"{uid}{number:016X}"
        stamped = {
            **same,
            "graph_id": graph_id,
            "immutable_id": immutable + suffix,
            "uid": own_uid,
            "ical_uid": own_uid,
            "change_key": key + suffix[:12],
        }
        yield _row(pattern(number), stamped, quoted, calendar.pk)


def _row(pattern: Pattern, stamped: Mapping[str, str], quoted: Mapping[str, str], calendar_id: int) -> list[Any]:
    """`quoted`: of the stamped values those that JSON writes otherwise; ids are letters and digits."""
    row = list(pattern.columns)
    for name, value in stamped.items():
        row[_AT[name]] = value
    row[_AT["calendar"]] = calendar_id
    written = {**stamped, **quoted}
    document = list(pattern.pieces)
    document[1::2] = [written[name] for name in document[1::2]]
    row[_AT["document"]] = "".join(document)
    return row


def _insert(rows: Iterator[list[Any]]) -> int:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in _FIELDS)
    places = ", ".join(["%s"] * len(_FIELDS))
    sql = f"INSERT INTO {quote(Event._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
    written = 0
    with connection.cursor() as cursor:
        # Piece by piece: Django would hold all of them in memory.
        while some := list(islice(rows, AT_ONCE)):
            cursor.executemany(sql, some)
            written += len(some)
    return written


def _prefix(calendar: Calendar) -> str:
    """Ids of one mailbox begin alike, as they do in Exchange."""
    return ids.graph_id(calendar.graph_id, "crowd")[:120]


def _suffix(number: int) -> str:
    return urlsafe_b64encode(hashlib.blake2b(str(number).encode(), digest_size=24).digest()).decode()


_FIELDS = [field for field in Event._meta.concrete_fields if not field.primary_key]
_AT = {field.name: at for at, field in enumerate(_FIELDS)}
