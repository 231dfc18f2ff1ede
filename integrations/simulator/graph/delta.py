"""calendarView/delta: what is in a window of a calendar, and afterwards what has changed there."""

from __future__ import annotations

import json
from itertools import islice

from integrations.simulator.graph import delta_tokens, errors, paging, times
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.delta_items import Item, Round, items
from integrations.simulator.graph.delta_tokens import Kind, State
from integrations.simulator.graph.events import rendering
from integrations.simulator.graph.replies import Reply
from integrations.simulator.models import Calendar
from integrations.simulator.prepared import Prepared

TOKENS: dict[str, Kind] = {"$skiptoken": "skip", "$deltatoken": "delta"}
# Graph names them all, in this order, whichever was sent.
UNSUPPORTED = ("$orderby", "$filter", "$select", "$expand", "$search")
FURTHER = ("$skip", "$count")


def view(asking: Asking, calendar_id: str = "") -> Reply:
    _check_options(asking)
    calendar = _calendar(asking, calendar_id)
    state = _resumed(asking, calendar) or _begun(asking, calendar)
    size = min(asking.prefer.page_size or paging.DEFAULT, paging.MOST)
    asked = Round(asking, calendar, state, rendering.is_plain(asking), size + 1)
    found = list(islice(items(asked), size + 1))
    applied = ", ".join(("odata.track-changes", *asking.prefer.applied))
    return Reply(_page(asking, state, found, size), headers={"Preference-Applied": applied})


def events(asking: Asking, calendar_id: str = "") -> Reply:
    """With a window, or a token that has one, it is the calendar view's; Graph's own without a window is missing."""
    has_window = all(asking.options.get(name) for name in ("startdatetime", "enddatetime"))
    if not has_window and not any(asking.options.get(name) for name in TOKENS):
        raise errors.not_simulated("events/delta")
    return view(asking, calendar_id)


def _page(asking: Asking, state: State, found: list[Item], size: int) -> str:
    now, aged = asking.now, asking.person.tenant.aged_seconds
    if len(found) > size:
        token = delta_tokens.seal(state.after(found[size - 1][0], now=now, aged=aged))
        link, option = "@odata.nextLink", f"$skiptoken={token}"
    else:
        token = delta_tokens.seal(state.done(now=now, aged=aged))
        link, option = "@odata.deltaLink", f"$deltatoken={token}"
    context = json.dumps(f"{asking.base}/$metadata#Collection(event)")
    address = json.dumps(f"{asking.base}/{asking.path}?{option}")
    return f'{{"@odata.context":{context},"{link}":{address},"value":[{",".join(text for _, text in found[:size])}]}}'


def _check_options(asking: Asking) -> None:
    if "$top" in asking.options:
        raise errors.no_page_size_in_delta()
    for names in (UNSUPPORTED, FURTHER):
        if any(name in asking.options for name in names):
            raise errors.not_with_delta(", ".join(names))
    asking.check_options(TOKENS)


def _calendar(asking: Asking, calendar_id: str) -> Calendar:
    person = asking.person.pk
    calendar = _BY_ID.first(person, calendar_id) if calendar_id else _DEFAULT.first(person)
    if calendar is None:
        raise errors.not_in_store()
    return calendar


def _begun(asking: Asking, calendar: Calendar) -> State:
    first, last = times.window(asking.options.get("startdatetime"), asking.options.get("enddatetime"))
    return State(
        kind="delta",
        calendar=calendar.pk,
        first=first.isoformat(),
        last=last.isoformat(),
        since=0,
        until=calendar.last_change,
        generation=calendar.sync_generation,
        issued=asking.now.timestamp(),
        aged=asking.person.tenant.aged_seconds,
    )


def _resumed(asking: Asking, calendar: Calendar) -> State | None:
    """Where the token says to go on; None without a token. An empty one asks to begin anew.

    The window is in the token: what else the address says about it does not count.
    """
    named = {name: asking.options[name] for name in TOKENS if asking.options.get(name)}
    if not named:
        return None
    name, token = next(iter(named.items()))
    state = delta_tokens.unseal(token)
    if state is None or len(named) > 1 or state.kind != TOKENS[name]:
        raise errors.invented_token(name)
    if state.calendar != calendar.pk and Calendar.objects.filter(pk=state.calendar).exists():
        raise errors.invented_token(name)
    why = _why_gone(asking, calendar, state)
    if why:
        gone = errors.sync_state_gone(state.generation, calendar.sync_generation, _afresh(asking, state))
        raise gone.because(why)
    return state.next_round(calendar.last_change) if state.kind == "delta" else state


def _why_gone(asking: Asking, calendar: Calendar, state: State) -> str:
    """In a sentence; empty when the token is good."""
    if state.calendar != calendar.pk:
        return "The token is of a calendar that is no more: the organization was reset, or the calendar deleted."
    if state.generation != calendar.sync_generation:
        return "The trainer let the delta tokens of this calendar expire."
    if state.is_too_old(now=asking.now, aged=asking.person.tenant.aged_seconds):
        return f"The token was not used for more than {delta_tokens.LIFETIME.days} days."
    return ""


def _afresh(asking: Asking, state: State) -> str:
    """Where to begin anew: with an empty token, as documented."""
    first, last = (at.replace("+00:00", "Z") for at in (state.first, state.last))
    return f"{asking.base}/{asking.path}?startDateTime={first}&endDateTime={last}&$deltatoken="


_DEFAULT = Prepared(lambda person: Calendar.objects.filter(person=person, is_default=True), int)
_BY_ID = Prepared(lambda person, graph_id: Calendar.objects.filter(person=person, graph_id=graph_id), int, str)
