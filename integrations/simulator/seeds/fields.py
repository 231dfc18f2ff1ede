"""One mapping of a seed file, taken apart field by field; every mistake is a sentence that names the place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, TypeVar
from uuid import UUID

from integrations.simulator.graph import zones
from integrations.simulator.seeds.seed import BadSeed, Day

T = TypeVar("T")
_NONE: Any = object()
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


class Fields:
    """Takes what it is asked for; `fields` complains of what nobody asked for."""

    def __init__(self, data: object, place: str) -> None:
        if not isinstance(data, dict):
            raise BadSeed(f"{place}: here belong named fields (`name: value`), not {_kind(data)}.")
        self.place = place
        self._data = data
        self._known: list[str] = []

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def wrong(self, name: str, what: str) -> BadSeed:
        return BadSeed(f"{self.place}.{name}: {what}" if name else f"{self.place}: {what}")

    def take(self, name: str, default: Any = _NONE) -> Any:
        self._known.append(name)
        found = self._data.get(name)
        if found is None:
            if default is _NONE:
                raise self.wrong("", f"`{name}` is missing.")
            return default
        return found

    def text(self, name: str, default: Any = _NONE, *, longest: int = 200) -> str:
        found = self.take(name, default)
        if isinstance(found, bool | list | dict | date):
            raise self.wrong(name, f"this must be a text (in quotes, if need be), not {_kind(found)}.")
        if not str(found).strip() and default is _NONE:
            raise self.wrong(name, "this must not be empty.")
        if len(str(found)) > longest:
            raise self.wrong(name, f"this is longer than {longest} characters.")
        return str(found)

    def optional_text(self, name: str, *, longest: int = 200) -> str | None:
        return self.text(name, longest=longest) if name in self else self.take(name, None)

    def flag(self, name: str, default: bool = False) -> bool:
        found = self.take(name, default)
        if not isinstance(found, bool):
            raise self.wrong(name, f"this must be true or false, not {_kind(found)}.")
        return found

    def optional_flag(self, name: str) -> bool | None:
        return self.flag(name) if name in self else self.take(name, None)

    def optional_date(self, name: str) -> date | None:
        found = self.take(name, None)
        if found is not None and (isinstance(found, datetime) or not isinstance(found, date)):
            raise self.wrong(name, f"this must be a date such as 2026-10-01, not {_kind(found)}.")
        return found

    def number(self, name: str, default: Any = _NONE, *, least: int = 0, most: int = 1_000_000) -> int:
        found = self.take(name, default)
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.wrong(name, f"this must be a whole number, not {_kind(found)}.")
        if not least <= found <= most:
            raise self.wrong(name, f"{found} is not between {least} and {most}.")
        return found

    def optional_number(self, name: str, *, least: int = 0, most: int = 1_000_000) -> int | None:
        return self.number(name, least=least, most=most) if name in self else self.take(name, None)

    def one_of(self, name: str, choices: Sequence[str], default: Any = _NONE) -> str:
        return self.must_be_one_of(name, self.text(name, default), choices)

    def optional_one_of(self, name: str, choices: Sequence[str]) -> str | None:
        return self.one_of(name, choices) if name in self else self.take(name, None)

    def must_be_one_of(self, name: str, found: str, choices: Sequence[str]) -> str:
        if found not in choices:
            near = get_close_matches(found, choices, n=1)
            say = f"Did you mean “{near[0]}”?" if near else f"It must be one of: {', '.join(choices)}."
            raise self.wrong(name, f"“{found}” is not known. {say}")
        return found

    def guid(self, name: str, default: Any = _NONE) -> UUID:
        if default is not _NONE and name not in self:
            return UUID(str(self.take(name, default)))
        return UUID(self.must_be_guid(name, self.text(name)))

    def must_be_guid(self, name: str, text: str) -> str:
        """As it is written best."""
        try:
            return str(UUID(text))
        except ValueError:
            raise self.wrong(name, f"“{text}” is no GUID (8-4-4-4-12 hexadecimal digits).") from None

    def email(self, name: str, default: Any = _NONE) -> str:
        return self.must_be_email(name, self.text(name, default, longest=254))

    def must_be_email(self, name: str, text: str) -> str:
        if not _EMAIL.fullmatch(text):
            raise self.wrong(name, f"“{text}” is no address (`somebody@example.org`).")
        return text

    def domain(self, name: str, text: str) -> str:
        if not _DOMAIN.fullmatch(text.lower()):
            raise self.wrong(name, f"“{text}” is no domain (`example.org`).")
        return text.lower()

    def zone(self, name: str, default: Any = _NONE) -> str:
        text = self.text(name, default)
        if zones.find(text) is None:
            raise self.wrong(
                name, f"“{text}” is no time zone: take an IANA name such as Europe/Paris, or a Windows name."
            )
        return text

    def time(self, name: str) -> time | None:
        """`"09:30"`. Without quotes YAML reads some of them as minutes of the day (YAML 1.1's sexagesimals)."""
        found = self.take(name, None)
        if found is None:
            return None
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 24 * 60:
            return time(found // 60, found % 60)
        try:
            at = time.fromisoformat(str(found))
        except ValueError:
            raise self.wrong(name, f'“{found}” is no time of day (`"09:30"`).') from None
        if at.tzinfo is not None:
            raise self.wrong(name, "a time here has no offset of its own; the entry’s `zone` says where it is.")
        return at

    def day(self, name: str) -> Day:
        found = self.take(name)
        if isinstance(found, int) and not isinstance(found, bool):
            if abs(found) > 36_500:
                raise self.wrong(name, f"{found} days are more than a century.")
            return Day(offset=found)
        if isinstance(found, date):
            return Day(date=date(found.year, found.month, found.day))
        try:
            return Day(date=date.fromisoformat(str(found)))
        except ValueError:
            raise self.wrong(
                name, f"“{found}” is neither a date (2026-12-24) nor a number of days from the first."
            ) from None

    def optional_day(self, name: str) -> Day | None:
        return self.day(name) if name in self else self.take(name, None)

    def many(self, name: str) -> list[Any]:
        """A list; what stands alone is a list of one."""
        found = self.take(name, [])
        if isinstance(found, dict):
            raise self.wrong(name, "this must be a list.")
        return found if isinstance(found, list) else [found]

    def texts(self, name: str) -> list[str]:
        found = self.many(name)
        for one in found:
            if not isinstance(one, str | int | float) or isinstance(one, bool):
                raise self.wrong(name, f"this must be a list of texts; {_kind(one)} is in it.")
        return [str(one) for one in found]

    def each(self, name: str, read: Callable[[Fields], T]) -> list[T]:
        """A list of mappings, each read by itself."""
        found = []
        for number, one in enumerate(self.many(name), start=1):
            with fields(one, f"{self.place}.{name}[{number}]".lstrip(".")) as inner:
                found.append(read(inner))
        return found

    def under(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """One mapping, if it is there."""
        if name not in self:
            self.take(name, None)
            return None
        with fields(self.take(name), f"{self.place}.{name}".lstrip(".")) as inner:
            return read(inner)

    def named(self, name: str) -> dict[str, Any]:
        found = self.take(name, {})
        if not isinstance(found, dict):
            raise self.wrong(name, f"here belong named fields (`name: value`), not {_kind(found)}.")
        return {str(key): value for key, value in found.items()}

    def finish(self) -> None:
        for name in self._data:
            if name not in self._known:
                near = get_close_matches(str(name), self._known, n=1)
                say = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(sorted(set(self._known)))}."
                raise self.wrong("", f"`{name}` is not known. {say}")


@contextmanager
def fields(data: object, place: str) -> Iterator[Fields]:
    taken = Fields(data, place)
    yield taken
    taken.finish()


def _kind(found: object) -> str:
    if found is None:
        return "nothing"
    names = {
        bool: "true or false",
        list: "a list",
        dict: "a mapping",
        int: "a number",
        float: "a number",
        date: "a date",
    }
    return names.get(type(found), f"“{str(found)[:40]}”")
