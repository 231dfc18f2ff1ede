"""A page of settings: what it shows, and how what is shown is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.cascade import explain
from accounts.cascade.declare import Level, Page, Section, Setting
from accounts.cascade.words import Reader
from accounts.doors import SignedInRequest
from accounts.models import Account, Group, User
from accounts.views.group_head import group_head
from accounts.views.settings import chosen, recent
from accounts.views.settings.chosen import Known, Wish
from accounts.views.settings.places import Place
from accounts.views.settings.rows import Row, Trouble, row_of


@dataclass(frozen=True)
class Part:
    """A section with its rows. `title` names the page too where the section stands on another one."""

    prefix: str
    title: str
    rows: list[Row]


def show(request: SignedInRequest, place: Place, slug: str, *, trouble: Trouble | None = None) -> HttpResponse:
    if key := request.GET.get("setting"):
        section, setting = setting_or_404(place, key, among=place.shown_of)
        return redirect(place.row(section, setting))
    pages = place.pages()
    if not slug and pages:
        return redirect(place.address(pages[0]))
    shown = page_or_404(place, slug)
    # What was looked for is forgotten where a form comes back: its row must be seen.
    wish = Wish() if trouble else chosen.wish_of(request)
    context = _context(request, place, shown, wish, trouble)
    return render(request, place.template, context, status=trouble.status if trouble else 200)


def page_or_404(place: Place, slug: str) -> Page:
    for page in place.pages():
        if page.slug == slug:
            return page
    raise Http404


def setting_or_404(
    place: Place,
    key: str,
    page: Page | None = None,
    *,
    among: Callable[[type[Section]], list[Setting]] | None = None,
) -> tuple[type[Section], Setting]:
    """One that can be decided at `place`, or one of `among`."""
    for section in place.sections(page):
        for setting in (among or place.settings_of)(section):
            if setting.key == key:
                return section, setting
    raise Http404


def _context(request: SignedInRequest, place: Place, page: Page, wish: Wish, trouble: Trouble | None) -> dict[str, Any]:
    sections = place.sections(None if wish.q else page)
    settings = [(section, setting) for section in sections for setting in place.shown_of(section)]
    known = _known(place, settings)
    found = chosen.matching(known, wish.q)
    lately = recent.changed_lately(place, [setting.key for _, setting in settings], now=timezone.now())
    rows = chosen.chosen(place, found, wish.show, lately)
    return {
        "place": place,
        "page": page,
        "pages": place.pages(),
        "tab": page.slug,
        "person": place.scope,
        "wish": wish,
        "filters": chosen.filters(place, found, lately),
        "parts": _parts(place, page, rows, Reader(request.user), wish, trouble),
        "everybody": _everybody(place.account) if place.level == Level.ACCOUNT else "",
        "changes": recent.changes_at(place, known),
        **(group_head(place.scope, reader=request.user, tab=page.slug) if isinstance(place.scope, Group) else {}),
    }


def _known(place: Place, settings: list[tuple[type[Section], Setting]]) -> list[Known]:
    explanations = explain.explain_at(place.scope, [setting for _, setting in settings])
    return [(section, setting, explanations[setting.key]) for section, setting in settings]


def _parts(
    place: Place, page: Page, rows: list[Known], reader: Reader, wish: Wish, trouble: Trouble | None
) -> list[Part]:
    parts: dict[type[Section], Part] = {}
    for section, setting, explanation in rows:
        title = section.title if section.page == page else f"{section.page.title} › {section.title}"
        part = parts.setdefault(section, Part(section.prefix, title, []))
        troubled = trouble if trouble and trouble.key == setting.key else None
        part.rows.append(
            row_of(
                place,
                section,
                setting,
                explanation,
                reader=reader,
                trouble=troubled,
                is_open=wish.change == setting.key,
                today=timezone.localdate(),
            )
        )
    return list(parts.values())


def _everybody(account: Account) -> str:
    count = User.objects.of(account).count()
    return f"the one person of {account}" if count == 1 else f"all {count:,} people of {account}"
