"""The sheet *Review changes*, filled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import affected, describing, describing_groups, reviewing, undoing
from accounts.affected import Affected, Filter
from accounts.cascade import declare, words
from accounts.cascade.changes import Dissolve, Join, Leave
from accounts.cascade.declare import Level, Setting
from accounts.cascade.read import Made, level_of
from accounts.cascade.words import Reader, many
from accounts.doors import SignedInRequest
from accounts.forms.reason import ReasonForm
from accounts.models import AuditEntry, PendingChange, User
from accounts.reviewing import MoreAffected, Review
from accounts.templatetags.ui import local_moment

ON_A_PAGE = 10  # the button is never far
CAPTIONS = {
    "ends": "What ends, by person",
    "returns": "What comes back, by person",
    "begins": "What may begin, by person",
    "moves": "What is carried in another way, by person",
    "asks": "Who is asked for a step",
    "changed": "People whose value changes",
    "asleep": "Choices that are put to sleep",
    "awake": "Choices that return",
}


@dataclass(frozen=True)
class Trouble:
    """Why it was not done when the button was pressed."""

    more: MoreAffected | None = None
    is_changed: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class Notice:
    kind: str
    title: str
    text: str | SafeString = ""
    # A row of the settings that the text speaks of.
    href: str = ""
    link: str = ""


def show(
    request: SignedInRequest,
    pending: PendingChange,
    *,
    form: ReasonForm | None = None,
    trouble: Trouble | None = None,
    status: int = 200,
) -> HttpResponse:
    """Raises Gone, BadValue."""
    reader = Reader(request.user)
    review = reviewing.reviewed(pending)
    trouble = trouble or Trouble()
    said = _troubles(review, trouble, reader, has_moved=reviewing.has_moved(pending, review))
    reviewing.announce(pending, review)
    names = affected.names_of_groups(pending.account)
    listed = Affected(review, names=names, account=pending.account, reader=reader)
    where = describing.where(review, request.user)
    context = {
        "pending": pending,
        "review": review,
        "where": where,
        "title": describing.title(review),
        "troubles": said,
        "notices": _notices(review, reader),
        "lines": [*describing.lines(review, names), *describing_groups.lines(review, names)],
        "unchanged": describing.unchanged(review),
        "more_groups": describing.more_groups(review),
        "listed": listed,
        "counted_at": _to_the_second(timezone.now()),
        "among": _among(review),
        "button": describing.button(review),
        "icon": describing.icon(review),
        "gate": None if review.lock else reviewing.gate(pending, review),
        "is_danger": review.found.ends > 0 or isinstance(review.change, Dissolve),
        "form": form or ReasonForm(),
        "is_asked_for_a_part": bool(request.GET),
        **_list(request, listed),
    }
    return render(request, "accounts/change.html", context, status=status)


def news(setting: Setting, made: Made | None, entry: AuditEntry | None) -> SafeString:
    """What became of a decision meanwhile, by whom and when. `entry`: the last change, if it was taken back."""
    if made is not None:
        now = f"{setting.say(made.value)}{', locked' if made.is_locked else ''}"
        return format_html("{} made it {}, {}.", words.who(made), now, local_moment(made.at))
    if entry is None:
        return format_html("The choice of “{}” was taken back.", setting.label)
    return format_html("{} took the choice back, {}.", entry.actor_name, local_moment(entry.at))


def _list(request: SignedInRequest, listed: Affected) -> dict[str, Any]:
    """The part of the list that is asked for."""
    chosen: Filter | None = listed.chosen(request.GET.get("who", ""))
    if chosen is None:
        return {"chosen": None}
    page = Paginator(listed.subjects(chosen.who), ON_A_PAGE).get_page(request.GET.get("page"))
    return {
        "chosen": chosen,
        "caption": CAPTIONS[chosen.who],
        "page": page,
        "rows": listed.rows(chosen.who, list(page)),
    }


def _troubles(review: Review, trouble: Trouble, reader: Reader, *, has_moved: bool) -> list[Notice]:
    found = []
    if review.setting and review.lock:
        told = words.who_locked(review.setting, review.lock, reader)
        found.append(Notice("bad", "This cannot be changed now.", format_html("{} Nothing has been changed.", told)))
    elif review.setting and (has_moved or trouble.is_changed):
        place = review.place
        entry = undoing.newest(review.setting.key, level_of(place), place.pk, reader.person.account)
        told = news(review.setting, review.own, None if review.own else entry)
        text = format_html("{} Nothing of yours has been done. This is what it would do now: look again.", told)
        found.append(Notice("bad", "This was changed meanwhile.", text))
    if trouble.more:
        more = trouble.more
        # As many as before, or fewer, can still be others.
        now = f"{_things(review, more.now)} instead of {more.said:,}" if more.now > more.said else "other people’s"
        title = f"Meanwhile it would be {now}."
        found.append(Notice("bad", title, "Nothing has been done yet. Look again."))
    if trouble.refusal:
        found.append(Notice("bad", "This cannot be done.", trouble.refusal))
    return found


def _notices(review: Review, reader: Reader) -> list[Notice]:
    """What ends, what comes back, and what a lock does not do."""
    is_lock = describing.moves_lock(review) and describing.change_locks(review)
    is_beginning = any(one.begins.effects for one in review.found.consequences)
    no_one = "Nobody is connected by a lock." if is_lock and not is_beginning else ""
    found = []
    for one in review.found.consequences:
        if one.ends:
            will = f"{many(len(one.ends), *one.things)} will be {one.verb[1]} at once."
            text = " ".join(filter(None, [one.note, no_one]))
            found.append(Notice("warn", will, text, *_row_of(one.governed_by, reader)))
        if one.returns:
            comes = "comes back by itself" if len(one.returns) == 1 else "come back by themselves"
            found.append(Notice("good", f"{many(len(one.returns), *one.things)} {comes}."))
        found += [Notice("info", many(len(some.effects), *some.says), some.note) for some in one.prospects]
    if is_lock and not review.found.ends:
        asked = review.found.consequences
        none = f"No {asked[0].things[0]} will be {asked[0].verb[1]}." if asked else "Nothing ends."
        found.append(Notice("info", none, no_one if asked else ""))
    return found


def _row_of(key: str, reader: Reader) -> tuple[str, str]:
    """The address and the label of a row of the account's settings, for those who may open it."""
    setting, account = declare.by_key(key), reader.person.account
    if setting is None or not setting.offered or not reader.may_open(Level.ACCOUNT, account.pk):
        return "", ""
    return words.address_of(setting, Level.ACCOUNT, account.pk, reader.person), f"See “{setting.label}”."


def _to_the_second(moment: datetime) -> SafeString:
    local = timezone.localtime(moment)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), f"{local:%H:%M:%S}")


def _among(review: Review) -> str:
    """Among whom it was counted."""
    if isinstance(review.change, Join | Leave) or isinstance(review.place, User):
        return ""
    people = many(len(review.found.before.people), "person", "people")
    return f", of {people}" if level_of(review.place) == Level.ACCOUNT else f", of {people} in {review.place}"


def _things(review: Review, number: int) -> str:
    named = {one.things for one in review.found.consequences}
    return many(number, *(named.pop() if len(named) == 1 else ("thing", "things")))
