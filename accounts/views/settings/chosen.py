"""Which rows a page of settings shows: what was searched for, and which filter is chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.http import HttpRequest

from accounts.cascade import forms
from accounts.cascade.declare import Level, Section, Setting
from accounts.cascade.explain import Explanation
from accounts.views.settings.places import Place

LONGEST_SEARCH = 200  # characters


@dataclass(frozen=True)
class Wish:
    """What the address asks for besides the page."""

    q: str = ""
    show: str = ""
    # The key of a row whose form is to be opened.
    change: str = ""


@dataclass(frozen=True)
class Filter:
    """A chip above the rows, with the number of rows behind it."""

    word: str
    label: str
    count: int


Known = tuple[type[Section], Setting, Explanation]


def wish_of(request: HttpRequest) -> Wish:
    words = request.GET.get("q", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    return Wish(words, request.GET.get("show", ""), request.GET.get("change", ""))


def matching(known: list[Known], q: str) -> list[Known]:
    """Those in whose words, or the words of whose parts, every word of `q` stands."""
    wanted = q.casefold().split()
    return [one for one in known if all(word in _text(one[0], one[1]) for word in wanted)]


def filters(place: Place, known: list[Known], recent: Collection[str]) -> list[Filter]:
    kept = {word: sum(1 for one in known if keeps(one[2])) for word, keeps in _keepers(place, recent).items()}
    return [Filter(word, _labels(place)[word], count) for word, count in kept.items()]


def chosen(place: Place, known: list[Known], show: str, recent: Collection[str]) -> list[Known]:
    """A filter that does not exist hides nothing."""
    keeps = _keepers(place, recent).get(show)
    return [one for one in known if keeps(one[2])] if keeps else known


def _keepers(place: Place, recent: Collection[str]) -> dict[str, Callable[[Explanation], bool]]:
    return {
        "": lambda _: True,
        "overridden": _is_decided_below if place.level == Level.ACCOUNT else _is_decided_here,
        "locked": lambda shown: shown.is_locked_here or shown.lock is not None,
        "differs": lambda shown: shown.differs,
        "recent": lambda shown: shown.setting.key in recent,
    }


def _is_decided_here(shown: Explanation) -> bool:
    return shown.own is not None


def _is_decided_below(shown: Explanation) -> bool:
    return bool(shown.below.groups or shown.below.people)


def _labels(place: Place) -> dict[str, str]:
    is_account = place.level == Level.ACCOUNT
    return {
        "": "All",
        "overridden": "Overridden below" if is_account else "Overridden",
        "locked": "Locked",
        "differs": "Differs from default" if is_account else "Differs from account",
        "recent": "Changed in 7 days",
    }


def _text(section: type[Section], setting: Setting) -> str:
    parts = forms.parts_of(setting)
    offered = [option.label for option in setting.options if option.offered]
    offered += [option.label for part in parts for option in part.options]
    said = [f"{part.label} {part.help}" for part in parts]
    return " ".join([section.title, setting.label, setting.help, *said, *offered]).casefold()
