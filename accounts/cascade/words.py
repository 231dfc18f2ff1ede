"""The explanation in words: one function makes the sentence, on every page and at every level.

It names the place that decided and links to it where the reader may open it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.cascade import declare
from accounts.cascade.declare import Level, Setting
from accounts.cascade.explain import Below, Explanation
from accounts.cascade.read import Made
from accounts.models import Group, User
from accounts.models.audit import MASKED_PERSON
from accounts.templatetags.ui import local_moment


class Reader:
    """Who reads, and so where the links may lead. One query at most, whatever the number of sentences."""

    def __init__(self, person: User) -> None:
        self.person = person

    @cached_property
    def groups(self) -> frozenset[int]:
        """The groups that the reader manages as a group admin."""
        managed = Group.objects.filter(memberships__user=self.person, memberships__is_admin=True)
        return frozenset(managed.values_list("pk", flat=True))

    def may_open(self, level: Level, place: int) -> bool:
        if level == Level.USER and place == self.person.pk:
            return True
        if self.person.is_account_admin:
            return True
        return level == Level.GROUP and place in self.groups


@dataclass(frozen=True)
class Tag:
    """One or two words on the state of a row."""

    label: str
    kind: str = ""
    icon: str = ""


def tag(explanation: Explanation) -> Tag | None:
    if explanation.lock:
        return Tag(f"Locked by {_place_name(explanation.lock)}", "lock", "lock")
    if explanation.is_locked_here:
        return Tag("Locked here", "lock", "lock")
    if not explanation.is_decidable:
        return Tag("Decided above")
    if explanation.is_same:
        return Tag("Overridden, same value", "info")
    if explanation.is_overridden:
        return Tag("Overridden", "info")
    return None if explanation.level == Level.ACCOUNT else Tag("Inherited")


def sentence(explanation: Explanation, reader: Reader) -> SafeString:
    """“On, from Account, chosen by Dana, 19 November, 14:33.” and what lies below or sleeps."""
    parts = [_asleep(explanation, reader), _same(explanation, reader), _below(explanation), _above(explanation)]
    return _joined([_what(explanation, reader), *parts])


def who_locked(setting: Setting, by: Made, reader: Reader) -> SafeString:
    """For somebody whose change came too late."""
    return format_html(
        "“{}” is locked at {} by {}, {}.", setting.label, place(setting, by, reader), who(by), local_moment(by.at)
    )


def who(made: Made) -> str:
    """By whom a decision was made."""
    # Nothing decides by itself: whoever did was deleted since.
    return str(made.by) if made.by else MASKED_PERSON


def place(setting: Setting, made: Made, reader: Reader) -> SafeString:
    """The place of a decision, with a link to its row where the reader may open it."""
    name = _place_name(made)
    if not reader.may_open(made.level, made.place_id):
        return format_html("{}", name)
    return format_html('<a href="{}">{}</a>', address_of(setting, made.level, made.place_id, reader.person), name)


def address_of(setting: Setting, level: Level, place_id: int, reader: User) -> str:
    """Of a setting's row on the page of a level."""
    section = next(found for found in declare.sections() if setting in declare.settings_of(found))
    slug = section.page.slug
    if level == Level.ACCOUNT:
        page = reverse("account_settings_page", args=[slug])
    elif level == Level.GROUP:
        page = reverse("group_settings_page", args=[place_id, slug])
    elif place_id == reader.pk:
        page = reverse("own_settings_page", args=[slug])
    else:
        page = reverse("person_settings_page", args=[place_id, slug])
    return f"{page}#setting-{setting.name}"


def many(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _what(explanation: Explanation, reader: Reader) -> SafeString:
    words, source = explanation.setting.say(explanation.value), explanation.source
    if source is None:
        silent = "" if explanation.level == Level.ACCOUNT else " The account has not decided."
        return format_html("<strong>{}</strong>, Meridian’s default.{}", words, silent)
    by, when = who(source), local_moment(source.at)
    if source.level == explanation.level:
        if explanation.is_locked_here:
            return format_html("<strong>{}</strong> for everyone; locked here by {}, {}.", words, by, when)
        if _is_own(explanation, reader):
            how = "by you" if source.by == reader.person else f"for you by {by}"
            return format_html("<strong>{}</strong>, set {}, {}.", words, how, when)
        return format_html("<strong>{}</strong>, {} by {}, {}.", words, _chosen(explanation), by, when)
    where = place(explanation.setting, source, reader)
    if source.is_locked:
        return format_html("<strong>{}</strong>, locked at {} by {}, {}.", words, where, by, when)
    return format_html("<strong>{}</strong>, from {}, chosen by {}, {}.", words, where, by, when)


def _chosen(explanation: Explanation) -> str:
    if explanation.level == Level.ACCOUNT:
        return "chosen here"
    return f"set for {explanation.at}"


def _asleep(explanation: Explanation, reader: Reader) -> SafeString | None:
    own = explanation.own
    if own is None or not explanation.sleeps:
        return None
    return format_html(
        "{} had chosen <em>{}</em>; that sleeps under the lock and returns when it is lifted.",
        "You" if _is_own(explanation, reader) else str(explanation.at),
        explanation.setting.say(own.value),
    )


def _is_own(explanation: Explanation, reader: Reader) -> bool:
    return explanation.level == Level.USER and explanation.at == reader.person


def _same(explanation: Explanation, reader: Reader) -> SafeString | None:
    if not explanation.is_same:
        return None
    above = explanation.inherited_from
    if above is None:
        return mark_safe("Equal to Meridian’s default today; stays when the account decides.")
    return format_html(
        "Equal to {} today; stays when {} changes.", place(explanation.setting, above, reader), _place_name(above)
    )


def _below(explanation: Explanation) -> SafeString | None:
    below, counted = explanation.below, _counted(explanation.below)
    if not counted:
        return None
    is_one = below.groups + below.people == 1
    if explanation.is_locked_here or explanation.lock:
        words = (
            "The choice of {} sleeps under the lock and returns"
            if is_one
            else ("The choices of {} sleep under the lock and return")
        )
        return format_html(words + " when it is lifted.", counted)
    if is_one:
        return format_html("{} has a choice of {} own.", counted, "its" if below.groups else "their")
    return format_html("{} have choices of their own.", counted)


def _above(explanation: Explanation) -> SafeString | None:
    if explanation.is_decidable:
        return None
    return mark_safe("Only the account and groups decide this.")


def _counted(below: Below) -> str:
    parts = []
    if below.groups:
        parts.append(many(below.groups, "group", "groups"))
    if below.people:
        parts.append(many(below.people, "person", "people"))
    return " and ".join(parts)


def _place_name(made: Made) -> str:
    return "Account" if made.level == Level.ACCOUNT else made.place


def _joined(parts: list[Any]) -> SafeString:
    return format_html_join(" ", "{}", ((part,) for part in parts if part))
