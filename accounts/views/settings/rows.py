"""A row of the page: one setting with its value, where that comes from, and what may be done about it here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.forms import BoundField
from django.utils.safestring import SafeString

from accounts import describing, openings
from accounts.cascade import forms, parts, words, write
from accounts.cascade.declare import Level, Option, Section, Setting
from accounts.cascade.explain import Explanation, Standing, Step
from accounts.cascade.forms import Part, SettingForm
from accounts.cascade.parts import Fact
from accounts.cascade.read import Made
from accounts.cascade.words import Reader, Tag
from accounts.describing import Line
from accounts.views.settings.places import Place

SILENT_NAMED = 3  # groups that decided nothing; more of them are counted


@dataclass(frozen=True)
class Trouble:
    """Why what was sent has not been saved. What was typed is kept: in `form`, and in words."""

    key: str
    # Of the notice: what happened, and what to do next. Without words the form itself says what is wrong.
    title: str = ""
    text: str | SafeString = ""
    form: SettingForm | None = None
    wanted: str = ""
    wanted_facts: tuple[Fact, ...] = ()
    # Where a composite as it is now differs from what was typed.
    lines: tuple[Line, ...] = ()
    # What a button may send again as it is: the value of a switch.
    again: str = ""
    again_label: str = ""
    status: int = 422


@dataclass(frozen=True)
class Link:
    """One step of the chain behind a value."""

    name: str
    words: str
    # What became of it; empty where there is nothing to say.
    fate: str = ""
    is_winner: bool = False
    is_struck: bool = False


@dataclass(frozen=True)
class Row:
    section: type[Section]
    setting: Setting
    place: Place
    explanation: Explanation
    sentence: SafeString
    form: SettingForm
    remark: str
    caution: openings.Caution | None
    trouble: Trouble | None
    # The form stands open; else its values are shown as facts.
    is_open: bool

    @property
    def action(self) -> str:
        """With the row's own name, so that the browser is back at it also where the answer is the page itself."""
        return f"{self.place.address_of(self.section, self.setting)}#setting-{self.setting.name}"

    @property
    def seen(self) -> str:
        return write.stamp(self.explanation.own)

    @property
    def holds(self) -> str:
        return held_stamp(self.explanation)

    @property
    def help_id(self) -> str:
        """As Django names the help of a field, where the row has one field that says no more than the row."""
        return f"{self.setting.name}_{'helptext' if self.parts else 'value_helptext'}"

    @property
    def parts(self) -> list[tuple[Part, BoundField]]:
        """Of a composite, each with its field."""
        return [(part, self.form[part.name]) for part in forms.parts_of(self.setting)]

    @property
    def field(self) -> BoundField | None:
        """Of anything else."""
        return None if self.parts else self.form["value"]

    @property
    def is_switch(self) -> bool:
        return self.setting.kind is bool

    @property
    def tag(self) -> Tag | None:
        return words.tag(self.explanation)

    @property
    def above(self) -> str:
        """Who has decided what *Inherit* would give."""
        made = self.explanation.inherited_from
        if made is None:
            return "Meridian’s default"
        return "Account" if made.level == Level.ACCOUNT else made.place

    @property
    def facts(self) -> list[Fact]:
        """Of a composite, beside what the level above has."""
        is_own = self.explanation.is_overridden
        return parts.facts_of(self.explanation.value, self.explanation.inherited if is_own else None)

    @property
    def has_form(self) -> bool:
        return not self.is_switch and self.explanation.is_editable

    @property
    def change_address(self) -> str:
        """Opens the form of a row that shows its facts."""
        page = self.place.address(self.section.page, change=self.setting.key)
        return f"{page}#setting-{self.setting.name}"

    @property
    def address(self) -> str:
        return self.place.row(self.section, self.setting)

    @property
    def is_leavable(self) -> bool:
        """The form was opened on purpose, and can be closed again."""
        return self.place.level != Level.ACCOUNT or self.trouble is not None

    @property
    def offered(self) -> tuple[Option, ...]:
        return tuple(option for option in self.setting.options if option.offered)

    @property
    def may_override(self) -> bool:
        return self.place.level != Level.ACCOUNT and self.explanation.is_editable and self.explanation.own is None

    @property
    def may_inherit(self) -> bool:
        """At the top there is nothing to inherit but Meridian's default, offered where it is another."""
        if self.place.level == Level.ACCOUNT and not self.explanation.differs:
            return False
        return self.explanation.is_editable and self.explanation.own is not None

    @property
    def override_note(self) -> str:
        it = "this" if self.parts else f"“{self.setting.say(self.explanation.value)}”"
        if self.is_switch:
            it = "it on" if self.explanation.value else "it off"
        return f"Keeps {it} for {self.place.name}, whatever {self.place.above} decides later."

    @property
    def inherit_word(self) -> str:
        return "Use the default" if self.place.level == Level.ACCOUNT else "Inherit"

    @property
    def inherit_note(self) -> str:
        meant = _meaning(self.setting, self.explanation.value, self.explanation.inherited)
        who = "Meridian’s default" if self.place.level == Level.ACCOUNT else "Inherit"
        return f"{who} {meant}{', and lifts the lock' if self.explanation.is_locked_here else ''}."

    @property
    def chain(self) -> list[Link]:
        return list(_chain(self.setting, self.explanation))


def row_of(
    place: Place,
    section: type[Section],
    setting: Setting,
    explanation: Explanation,
    *,
    reader: Reader,
    trouble: Trouble | None,
    is_open: bool,
    today: date,
) -> Row:
    typed = trouble.form if trouble else None
    ask = openings.row_panels.get(setting.key) if place.level == Level.ACCOUNT else None
    warn = openings.row_cautions.get(setting.key)
    return Row(
        section=section,
        setting=setting,
        place=place,
        explanation=explanation,
        sentence=words.sentence(explanation, reader),
        form=typed or form_of(setting, explanation.value),
        remark=ask(place.account) if ask else "",
        caution=warn(place.account, explanation.value, reader=reader.person, today=today) if warn else None,
        trouble=trouble,
        is_open=explanation.is_editable and (is_open or typed is not None or place.level == Level.ACCOUNT),
    )


def form_of(setting: Setting, value: Any, sent: Any = None) -> SettingForm:
    """Bound to what was sent, if anything was; parts that it does not show keep those of `value`."""
    return forms.form_for(setting)(sent, initial=forms.initial_of(setting, value))


def held_stamp(explanation: Explanation) -> str:
    """What a form carries of the value it shows: *Override* and *Lock* pin that one, or nothing."""
    shown = json.dumps(explanation.setting.to_json(explanation.value), sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def _meaning(setting: Setting, now: Any, then: Any) -> str:
    """What becoming `then` would mean: “would turn it off”, “would change “Contacts” from Yes to No”."""
    lines = describing.differences(setting, now, then)
    if not lines:
        return "changes nothing today"
    if setting.kind is bool:
        return f"would turn it {'on' if then else 'off'}"
    if not parts.facts_of(then):
        return f"would make it “{setting.say(then)}”"
    if len(lines) > 1:
        return f"would change {len(lines)} points"
    return f"would change “{lines[0].label}” from {lines[0].before} to {lines[0].after}"


_FATES = {Standing.SHADOWED: "shadowed", Standing.ASLEEP: "sleeping under the lock"}


def _chain(setting: Setting, explanation: Explanation) -> Iterator[Link]:
    yield Link("Meridian", setting.say(setting.default), "the default", is_winner=explanation.source is None)
    silent = [step for step in explanation.steps if step.made is None and step.position]
    for step in explanation.steps:
        if step.made is not None:
            yield _decided(setting, explanation, step, step.made)
        elif len(silent) <= SILENT_NAMED or step not in silent:
            yield Link(_name(step), "No decision")
        elif step == silent[-1]:
            yield Link(f"{len(silent)} groups", "No decision")
    if counted := _below(explanation):
        is_asleep = bool(explanation.lock or explanation.is_locked_here)
        yield Link("Below", counted, _FATES[Standing.ASLEEP] if is_asleep else "", is_struck=is_asleep)


def _decided(setting: Setting, explanation: Explanation, step: Step, made: Made) -> Link:
    wins, said = step.standing == Standing.WINS, setting.say(made.value)
    if points := [fact for fact in parts.facts_of(made.value, explanation.value) if fact.other]:
        said = f"{said}, {words.many(len(points), 'point differs', 'points differ')}"
    fate = "locked" if wins and made.is_locked else _FATES.get(step.standing, "")
    return Link(_name(step), said, fate, is_winner=wins, is_struck=not wins)


def _name(step: Step) -> str:
    if step.level == Level.ACCOUNT:
        return "Account"
    return f"{step.name} (P{step.position:,})" if step.position else step.name


def _below(explanation: Explanation) -> str:
    below = explanation.below
    counted = (
        (below.groups, "group’s own choice", "groups’ own choices"),
        (below.people, "person’s own choice", "people’s own choices"),
    )
    return ", ".join(words.many(number, one, several) for number, one, several in counted if number)
