"""A change under review in words: where it happens, what is pressed, what stood there before and stands there after.

Of settings here, of groups in `describing_groups`; nothing asks the database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from accounts.cascade import declare, parts
from accounts.cascade.changes import Change, Choose, Dissolve, Inherit, Join, Rank
from accounts.cascade.decide import decide
from accounts.cascade.declare import Level, Setting
from accounts.cascade.read import Made, level_of
from accounts.cascade.words import many
from accounts.models import Account, Group, User
from accounts.reviewing import Review

_HERE = "chosen here"
NAMED = 5  # words of a list, before the rest is counted
GROUPS_NAMED = 3


@dataclass(frozen=True)
class Line:
    """One thing that differs."""

    label: str
    before: str
    after: str
    icon: str = ""


# ── Where, and what is pressed ──────────────────────────────────────────────
def where(review: Review, reader: User) -> tuple[str, ...]:
    """As the navigation leads there: “Account Settings”, “Mail & Calendar”, “Integrations”."""
    if review.setting is None:
        return "Groups", str(review.place)
    section = next(found for found in declare.sections() if review.setting in declare.settings_of(found))
    if isinstance(review.place, Group):
        top = str(review.place)
    elif isinstance(review.place, User):
        top = "Settings" if review.place == reader else str(review.place)
    else:
        top = "Account Settings"
    return top, section.page.title, section.title


def title(review: Review) -> str:
    """“Lock “Services and permissions” for Sales”."""
    if review.setting is None:
        return f"{verb(review)}: {review.place}"
    return f"{verb(review)} “{review.setting.label}”{_for(review)}"


def verb(review: Review) -> str:
    change = review.change
    if isinstance(change, Choose):
        if moves_lock(review):
            return "Lock" if change.is_locked else "Unlock"
        if review.setting and review.setting.kind is bool and value_before(review) != value_after(review):
            return "Enable" if value_after(review) else "Disable"
        return "Save"
    if isinstance(change, Inherit):
        return "Use the default" if isinstance(review.place, Account) else "Inherit"
    if isinstance(change, Rank):
        return "Move"
    if isinstance(change, Dissolve):
        return "Delete the group"
    return "Add" if isinstance(change, Join) else "Remove"


def button(review: Review) -> str:
    """“Lock and block 31 connections”."""
    ends = [one for one in review.found.consequences if one.ends]
    return " and ".join([verb(review), *(f"{one.verb[0]} {many(len(one.ends), *one.things)}" for one in ends)])


def icon(review: Review) -> str:
    return {"Lock": "lock", "Unlock": "unlock"}.get(verb(review), "")


def done(review: Review) -> str:
    """For when it has been done."""
    setting, change = review.setting, review.change
    if setting is None:
        return ""
    if isinstance(change, Inherit):
        return f"“{setting.label}” follows {_whom(decide(review.above))} again{_for(review)}."
    now = setting.say(value_after(review))
    if moves_lock(review):
        return f"“{setting.label}” is {'locked' if change_locks(review) else 'unlocked'}{_for(review)}: {now}."
    return f"“{setting.label}” is now {now}{_for(review)}."


def undone(setting: Setting, change: Change) -> str:
    if isinstance(change, Choose):
        return f"“{setting.label}” is back to {setting.say(setting.from_json(change.value))}."
    return f"“{setting.label}” is inherited again."


# ── What holds at the place ─────────────────────────────────────────────────
def value_before(review: Review) -> Any:
    return _value(review, _source(review))


def value_after(review: Review) -> Any:
    if isinstance(review.change, Choose) and review.lock is None and review.setting:
        return review.setting.from_json(review.change.value)
    return _value(review, decide(review.above))


def change_locks(review: Review) -> bool:
    return isinstance(review.change, Choose) and bool(review.change.is_locked)


def moves_lock(review: Review) -> bool:
    return change_locks(review) != bool(review.own and review.own.is_locked)


def _source(review: Review) -> Made | None:
    return decide([*review.above, review.own])


def _value(review: Review, made: Made | None) -> Any:
    return made.value if made else review.setting and review.setting.default


# ── Before and after ────────────────────────────────────────────────────────
def lines(review: Review, names: Mapping[int, str]) -> list[Line]:
    """Of a change of a setting. `names`: of the account's groups."""
    if review.setting is None:
        return []
    return [*_lock_line(review), *_value_lines(review, review.setting), *_in_groups(review, review.setting, names)]


def unchanged(review: Review) -> str:
    """What the change leaves alone: “Office 365; Graph API”."""
    setting, before, after = review.setting, value_before(review), value_after(review)
    if setting is None:
        return ""
    if dataclasses.is_dataclass(setting.kind):
        counting = [part for part in dataclasses.fields(setting.kind) if declare.counts(part, after)]
        return "; ".join(_fact(part, _of(after, part)) for part in counting if _of(before, part) == _of(after, part))
    return f"the value, {setting.say(after)}" if before == after and moves_lock(review) else ""


def more_groups(review: Review) -> int:
    """How many groups, whose choices fall asleep or return, `lines` does not name."""
    return max(0, sum(len(groups) for groups in _groups_moved(review)) - GROUPS_NAMED)


def differences(setting: Setting, before: Any, after: Any) -> list[Line]:
    """Between two values: one line, or of a composite one for each part that differs."""
    if before == after:
        return []
    if not dataclasses.is_dataclass(setting.kind):
        return [Line(setting.label, setting.say(before), setting.say(after))]
    return [
        Line(part.metadata["label"], *_sides(part, before, after))
        for part in dataclasses.fields(setting.kind)
        if _of(before, part) != _of(after, part)
    ]


def _lock_line(review: Review) -> Iterator[Line]:
    if review.setting is None or not moves_lock(review):
        return
    is_group, is_locked = isinstance(review.place, Group), change_locks(review)
    below = {Level.GROUP: "each group", Level.USER: "each person"}
    deciding = [who for level, who in below.items() if level in review.setting.levels]
    free = f"{_capital(' and '.join(deciding[-1:] if is_group else deciding))} may decide"
    shut = f"Locked for everyone in {review.place}" if is_group else "Locked for everyone below"
    before, after = (free, shut) if is_locked else (shut, free)
    yield Line(review.setting.label, before, after, icon="lock" if is_locked else "unlock")


def _value_lines(review: Review, setting: Setting) -> Iterator[Line]:
    before, after = value_before(review), value_after(review)
    came, comes = _origin(review, _source(review)), _origin_after(review)
    is_moving = came != comes and not moves_lock(review)
    if dataclasses.is_dataclass(setting.kind):
        if is_moving:
            yield Line(setting.label, _capital(came), _capital(comes))
        yield from differences(setting, before, after)
    elif before != after:
        yield Line(setting.label, _from(setting.say(before), came), _from(setting.say(after), comes))
    elif is_moving:
        yield Line(setting.label, f"{setting.say(before)}, {came}", f"{setting.say(after)}, {comes}")


def _in_groups(review: Review, setting: Setting, names: Mapping[int, str]) -> Iterator[Line]:
    """What becomes of the choices of groups that a lock of the account puts to sleep, or wakes."""
    found, asleep, awake = review.found, *_groups_moved(review)
    moved = [
        *((group, found.before.of_groups[setting.key][group].value, found.after.base(setting.key)) for group in asleep),
        *((group, found.before.base(setting.key), found.after.of_groups[setting.key][group].value) for group in awake),
    ]
    for group, before, after in moved[:GROUPS_NAMED]:
        for line in differences(setting, before, after):
            yield dataclasses.replace(line, label=f"{line.label}, in {names.get(group, 'a group')}")


def _groups_moved(review: Review) -> tuple[list[int], list[int]]:
    key = review.setting.key if review.setting and isinstance(review.place, Account) else ""
    none: tuple[list[int], list[int]] = ([], [])
    return review.found.falls_asleep.get(key, none)[0], review.found.awakes.get(key, none)[0]


def _origin(review: Review, made: Made | None) -> str:
    if made is None:
        return "Meridian’s default"
    if made.level == level_of(review.place):
        return _HERE
    return f"from {_whom(made)}"


def _origin_after(review: Review) -> str:
    if isinstance(review.change, Choose) and review.lock is None:
        return _HERE
    return _origin(review, decide(review.above))


def _from(said: str, origin: str) -> str:
    """“On, from Account”. What is chosen here goes without saying."""
    return said if origin == _HERE else f"{said}, {origin}"


def _whom(made: Made | None) -> str:
    if made is None:
        return "Meridian’s default"
    return "Account" if made.level == Level.ACCOUNT else made.place


def _for(review: Review) -> str:
    return f" for {review.place}" if isinstance(review.place, Group | User) else ""


def _of(value: Any, part: Any) -> Any:
    return getattr(value, part.name)


def _fact(part: Any, value: Any) -> str:
    """An option speaks for itself; a box, a line or a list needs its label."""
    if isinstance(value, Enum):
        return _said(part, value)
    said = _said(part, value)
    return f"{part.metadata['label']}: {said if isinstance(value, str) else said.lower()}"


def _said(part: Any, value: Any) -> str:
    """Of a long list only the first words."""
    return _named(part, value) or "None" if isinstance(value, tuple) else parts.said(part, value)


def _sides(part: Any, value_before: Any, value_after: Any) -> tuple[str, str]:
    """Of long lists what differs is named first."""
    before, after = _of(value_before, part), _of(value_after, part)
    if not isinstance(before, tuple):
        return parts.told(part, value_before), parts.told(part, value_after)
    kept = [word for word in before if word in set(after)]
    gone, new = ([word for word in side if word not in set(kept)] for side in (before, after))
    return _named(part, [*gone, *kept]) or "None", _named(part, [*new, *kept]) or "None"


def _named(part: Any, words: Iterable[str]) -> str:
    shown = [part.metadata["show"](word) for word in words]
    more = [f"{len(shown) - NAMED:,} more"] if len(shown) > NAMED else []
    return ", ".join([*shown[:NAMED], *more])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
