"""The tags and filters that every template may use without loading them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, kind: str = "", *, label: str = "") -> SafeString:
    """A symbol of `templates/ui/_sprite.html`. Decoration, unless `label` says what it stands for."""
    classes = f"icon {kind}".strip()
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="#i-{}"></use></svg>', classes, label, name
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="#i-{}"></use></svg>', classes, name)


@register.filter
def local_moment(moment: datetime | None) -> str:
    """Day and time of day: “today, 15:32”, “yesterday, 18:04”, “19 November, 18:04”; in the reader's zone."""
    return _as_time(moment, day_and_clock(moment, now=timezone.now())) if moment else ""


@register.filter
def local_clock(moment: datetime | None) -> str:
    """The time of day alone, “15:32”, in the reader's zone."""
    return _as_time(moment, f"{timezone.localtime(moment):%H:%M}") if moment else ""


@register.filter
def initial(name: object) -> str:
    """The letter for a person's avatar."""
    return str(name)[:1].upper()


@register.filter
def counted(number: int, words: str) -> str:
    """A number with its noun: `{{ 1284|counted:"person,people" }}` is “1,284 people”."""
    one, many = words.split(",")
    return f"{number:,} {one if number == 1 else many}"


@register.filter
def is_choice_list(field: BoundField) -> bool:
    """Whether the field is several inputs under one legend, such as radio buttons."""
    return bool(field.field.widget.use_fieldset)


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the field is one box to tick, whose label stands behind it."""
    return getattr(field.field.widget, "input_type", "") == "checkbox" and not is_choice_list(field)


def day_and_clock(moment: datetime, *, now: datetime) -> str:
    local = timezone.localtime(moment)
    today = timezone.localtime(now).date()
    words = {today: "today", today - timedelta(days=1): "yesterday", today + timedelta(days=1): "tomorrow"}
    return f"{words.get(local.date()) or _day(local.date(), today=today)}, {local:%H:%M}"


def _day(day: date, *, today: date) -> str:
    words = f"{day.day} {day:%B}"
    return words if day.year == today.year else f"{words} {day.year}"


def _as_time(moment: datetime, words: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local.day} {local:%B %Y, %H:%M} ({local.tzname()})",
        words,
    )
