"""Two speeds of saving: what harms nobody is done at once and can be undone; what can disconnect people, widen
access or lock is stored, shown with its exact consequences, and done when somebody confirms it.

    submit()    done at once, or a `PendingChange` to review
    reviewed()  what it would do now
    confirm()   what was reviewed is done, unless more people would be hit than was said
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import changing, claims, openings
from accounts.cascade import changes, declare, read, write
from accounts.cascade.changes import Change, Choose, Dissolve, Gone, Inherit
from accounts.cascade.declare import Level, Setting
from accounts.cascade.impact import Impact, impact
from accounts.cascade.read import Made, level_of
from accounts.models import Account, AuditEntry, Group, PendingChange, User
from accounts.openings import Panel

__all__ = [
    "Done",
    "Ended",
    "Gone",
    "MoreAffected",
    "NotReady",
    "Review",
    "announce",
    "as_known_now",
    "confirm",
    "discard",
    "gate",
    "has_moved",
    "is_as_told",
    "keep",
    "needs_review",
    "reviewed",
    "submit",
]

LASTS = timedelta(hours=1)
REASON = 500  # characters


@dataclass(frozen=True)
class Review:
    """A change and what it would do if it were made now."""

    change: Change
    place: Account | Group | User
    found: Impact
    # Of a change of a setting: the decisions at the place and above it.
    made: tuple[Made, ...] = ()

    @property
    def setting(self) -> Setting | None:
        return declare.by_key(self.change.key) if isinstance(self.change, Choose | Inherit) else None

    @property
    def own(self) -> Made | None:
        return next((made for made in self.made if made.level == level_of(self.place)), None)

    @property
    def above(self) -> list[Made | None]:
        return read.top_down(made for made in self.made if made.level != level_of(self.place))

    @property
    def lock(self) -> Made | None:
        """The decision above that forbids the change."""
        return next((made for made in self.above if made and made.is_locked), None)

    @property
    def seen(self) -> str:
        """For the form, as `write.stamp`; empty where no setting changes."""
        return write.stamp(self.own) if self.setting else ""


@dataclass(frozen=True)
class Done:
    """`entry`: of the audit log; None where everything was like that already, or where each person got one."""

    change: Change
    entry: AuditEntry | None


class Ended(Exception):
    """The review was confirmed or discarded meanwhile, or ran out."""


class NotReady(Exception):
    """Something has to happen elsewhere first; the sheet says what."""


class MoreAffected(Exception):
    """Since the sheet was shown, more would end than it said, or somebody else’s: it has to be looked at again."""

    def __init__(self, said: int, now: int) -> None:
        super().__init__(f"{now} instead of {said}")
        self.said, self.now = said, now


def submit(change: Change, *, by: User, back: str, seen: str | None, now: datetime) -> Done | PendingChange:
    """Do a harmless change, store any other for review.

    `back`: the address to return to. `seen`: what the form carried; see `write.stamp`. Raises what the change
    itself would raise: BadValue, SettingLocked, ChangedMeanwhile, Gone, PermissionDenied.
    """
    changing.require(change, by)
    meant = change
    if isinstance(change, Choose | Inherit):
        own = _own_as_seen(change, by.account, seen)
        if _is_so_already(change, own):
            return Done(change, None)
        change = changing.canonical(change)
        meant = changing.resolved(change, own)
    found = impact(by.account, meant)
    if not needs_review(meant, found):
        return Done(change, changing.do(change, by=by, seen=seen, now=now, reason="", affected=len(found.people)))
    PendingChange.objects.filter(expires_at__lte=now).delete()
    return PendingChange.objects.create(
        account=by.account,
        by=by,
        change=changes.to_json(change),
        back=back,
        seen=seen or "",
        announced=_hit(found),
        created_at=now,
        expires_at=now + LASTS,
    )


def needs_review(change: Change, found: Impact) -> bool:
    """Whether `change` can disconnect people, widen access or lock."""
    if isinstance(change, Dissolve):
        return True
    if isinstance(change, Choose | Inherit):
        setting = found.before.settings[change.key]
        return setting.consequential or _is_locked(change) != _was_locked(change, found) or found.ends > 0
    return found.ends > 0 or any(found.before.settings[key].consequential for key in found.changed)


def reviewed(pending: PendingChange) -> Review:
    """What the change would do now. Raises BadValue, Gone where it has become impossible, PermissionDenied."""
    change = changing.of_those_who_are_left(changes.from_json(pending.change), pending.account)
    changing.require(change, pending.by)
    place, made = changing.place_of(change, pending.account), list[Made]()
    if isinstance(change, Choose | Inherit):
        setting = changing.setting_of(change)
        made = read.all_at(place, [setting])[setting.key]
        change = changing.resolved(change, next((one for one in made if one.level == level_of(place)), None))
    return Review(change, place, impact(pending.account, change), tuple(made))


def has_moved(pending: PendingChange, review: Review) -> bool:
    """Whether the setting was decided anew since it was last shown."""
    return bool(pending.seen and review.seen and pending.seen != review.seen)


def announce(pending: PendingChange, review: Review) -> None:
    """The sheet names these people and shows this decision; `confirm` holds us to it."""
    pending.announced, pending.seen = _hit(review.found), review.seen
    PendingChange.objects.filter(pk=pending.pk).update(announced=pending.announced, seen=pending.seen)


def confirm(
    pending: PendingChange,
    *,
    actor: User,
    reason: str,
    now: datetime,
    said: int | None = None,
    seen: str | None = None,
    gates_passed: bool = False,
) -> tuple[Review, AuditEntry | None]:
    """Do what was reviewed. `said` and `seen`: what the very sheet showed, if it was not the last one. `gates_passed`:
    whatever the gates ask for has just happened.

    Answers what was known when it was done, and the entry of the audit log as in `Done`. Raises MoreAffected, NotReady,
    Ended, and what `submit` raises; then nothing has changed, and the sheet is still there.
    """
    with transaction.atomic():
        # The account first, as everything does that takes somebody's rights: what is checked here still holds when it
        # is done, and two that lock in one order cannot block each other.
        claims.account(pending.account_id)
        now_stored = PendingChange.objects.filter(pk=pending.pk, by=actor, expires_at__gt=now)
        if (still := now_stored.select_related("account", "by").first()) is None:
            raise Ended
        review = reviewed(still)
        announced = len(still.announced) if said is None else min(said, len(still.announced))
        if review.found.ends > announced or not set(_hit(review.found)) <= set(still.announced):
            raise MoreAffected(announced, review.found.ends)
        if not gates_passed and (panel := gate(still, review)) and not panel.is_open:
            raise NotReady
        # Of two clicks on the same button one finds nothing to confirm.
        if not now_stored.delete()[0]:
            raise Ended
        entry = changing.do(
            review.change,
            by=still.by,
            seen=seen or still.seen or None,
            now=now,
            reason=reason.strip()[:REASON],
            affected=len(review.found.people),
        )
    return review, entry


def gate(pending: PendingChange, review: Review) -> Panel | None:
    """What has to happen before it can be confirmed, or to be known; what has to happen comes first."""
    found = [panel for ask in openings.gates if (panel := ask(pending, review))]
    return min(found, key=lambda panel: panel.is_open, default=None)


def keep(pending: PendingChange, *, by: User, until: datetime, now: datetime) -> bool:
    """What it waits for takes longer than a review. False: it has ended already, or is none of `by`."""
    mine = PendingChange.objects.filter(pk=pending.pk, by=by, expires_at__gt=now)
    return bool(mine.update(expires_at=max(until, pending.expires_at)))


def discard(pending: PendingChange) -> None:
    PendingChange.objects.filter(pk=pending.pk).delete()


def _hit(found: Impact) -> list[int]:
    """Those for whom something ends."""
    return [effect.person for consequence in found.consequences for effect in consequence.ends]


def _own_as_seen(change: Choose | Inherit, account: Account, seen: str | None) -> Made | None:
    """The place's decision. Refuses what is locked above, or no longer as it was seen."""
    setting, at = changing.setting_of(change), changing.place_of(change, account)
    own = write.as_seen(setting, at, seen)
    write.check_level(setting, at, is_locked=_is_locked(change))
    return own


def _is_so_already(change: Choose | Inherit, own: Made | None) -> bool:
    if own is None or isinstance(change, Inherit):
        return own is None and isinstance(change, Inherit)
    locked = own.is_locked if change.is_locked is None else change.is_locked
    return is_as_told(own, changing.setting_of(change), {"value": change.value, "locked": locked})


def is_as_told(made: read.Made | None, setting: Setting, said: dict[str, object] | None) -> bool:
    """Whether a decision is what an entry of the audit log says of it."""
    if made is None or not said or "value" not in said:
        return made is None and not (said and "value" in said)
    as_made = (json.dumps(setting.to_json(made.value), sort_keys=True), made.is_locked)
    return as_made == (json.dumps(as_known_now(setting, said["value"]), sort_keys=True), bool(said.get("locked")))


def as_known_now(setting: Setting, value: Any) -> Any:
    """An older entry lacks the parts that a composite has got since: they held what they hold by default."""
    if not dataclasses.is_dataclass(setting.kind) or not isinstance(value, Mapping):
        return value
    return {**setting.to_json(setting.default), **value}


def _is_locked(change: Choose | Inherit) -> bool:
    return isinstance(change, Choose) and bool(change.is_locked)


def _was_locked(change: Choose | Inherit, found: Impact) -> bool:
    if change.level == Level.ACCOUNT:
        ruling = found.before.top.get(change.key)
    elif change.level == Level.GROUP:
        ruling = found.before.of_groups.get(change.key, {}).get(change.place)
    else:
        ruling = found.before.own.get(change.key, {}).get(change.place)
    return bool(ruling and ruling.is_locked)
