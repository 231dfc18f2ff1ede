"""What is sent to a row: choose, override, inherit, lock, unlock. Nothing typed is ever lost."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html

from accounts import describing, reviewing, undoing
from accounts.cascade import explain, parts, words
from accounts.cascade.changes import Choose, Inherit
from accounts.cascade.declare import BadValue, Section, Setting
from accounts.cascade.explain import Explanation
from accounts.cascade.forms import SettingForm
from accounts.cascade.read import Made
from accounts.cascade.words import Reader
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.doors import SignedInRequest
from accounts.models import PendingChange
from accounts.views import change_sheet
from accounts.views.settings import page as pages
from accounts.views.settings import rows
from accounts.views.settings.places import Place
from accounts.views.settings.rows import Trouble, held_stamp


@dataclass(frozen=True)
class Sent:
    """A form of a row, as it came."""

    place: Place
    section: type[Section]
    setting: Setting
    act: str
    # What holds at the place now.
    explanation: Explanation
    # Bound, when a value was sent.
    form: SettingForm | None
    # The value it asks for, if there is one.
    value: Any = None


class Refused(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.title)
        self.trouble = trouble


def save(request: SignedInRequest, place: Place, slug: str, key: str) -> HttpResponse:
    section, setting = pages.setting_or_404(place, key, pages.page_or_404(place, slug))
    explanation = explain.explain_at(place.scope, [setting])[key]
    try:
        sent = _read(request, place, section, setting, explanation)
        done = _submit(request, sent)
    except Refused as refused:
        return pages.show(request, place, slug, trouble=refused.trouble)
    if isinstance(done, PendingChange):
        return redirect("change", done.pk)
    if done.entry is None:
        messages.info(request, f"“{setting.label}” is like that already. Nothing has changed.")
    else:
        messages.success(request, _told(sent), extra_tags=str(done.entry.pk))
    return HttpResponseRedirect(place.row(section, setting))


def _read(
    request: SignedInRequest, place: Place, section: type[Section], setting: Setting, explanation: Explanation
) -> Sent:
    act = request.POST.get("act", "choose")
    if act not in ("choose", "override", "inherit", "lock", "unlock"):
        raise Http404
    form = rows.form_of(setting, explanation.value, request.POST) if act == "choose" else None
    sent = Sent(place, section, setting, act, explanation, form)
    if form and not form.is_valid():
        raise Refused(Trouble(setting.key, form=form))
    if act in ("override", "lock") and request.POST.get("holds") not in (None, held_stamp(explanation)):
        raise Refused(_changed(sent, explanation.source))
    if act == "unlock" and not explanation.is_locked_here:
        raise Refused(_changed(sent, explanation.own))
    value = form.value() if form else explanation.value
    return Sent(place, section, setting, act, explanation, form, value)


def _submit(request: SignedInRequest, sent: Sent) -> reviewing.Done | PendingChange:
    try:
        return reviewing.submit(
            _change(sent),
            by=request.user,
            back=sent.place.row(sent.section, sent.setting),
            seen=request.POST.get("seen"),
            now=timezone.now(),
        )
    except SettingLocked as problem:
        raise Refused(_locked(sent, problem.by, Reader(request.user))) from problem
    except ChangedMeanwhile as problem:
        raise Refused(_changed(sent, problem.now)) from problem
    except BadValue as problem:
        raise Refused(Trouble(sent.setting.key, "This cannot be saved.", str(problem), form=sent.form)) from problem
    except reviewing.Gone as problem:
        raise Http404 from problem


def _change(sent: Sent) -> Choose | Inherit:
    key, level, place = sent.setting.key, sent.place.level, sent.place.scope.pk
    if sent.act == "inherit":
        return Inherit(key, level, place)
    # Whoever moves a switch says nothing about a lock, nor about one that comes meanwhile.
    is_locked = {"lock": True, "unlock": False}.get(sent.act)
    return Choose(key, level, place, sent.setting.to_json(sent.value), is_locked)


def _told(sent: Sent) -> str:
    label, place = sent.setting.label, sent.place
    if sent.act == "inherit":
        return f"“{label}” follows {place.above} again."
    whom = "" if place.word == "account" else f" for {place.name}"
    return f"“{label}” is now {sent.setting.say(sent.value)}{whom}."


# ── What went wrong, in words ───────────────────────────────────────────────
def _locked(sent: Sent, by: Made, reader: Reader) -> Trouble:
    text = format_html(
        "{} Nothing has been changed here. Ask {} to lift the lock if it should be otherwise.",
        words.who_locked(sent.setting, by, reader),
        words.who(by),
    )
    is_choice = sent.act == "choose"
    return Trouble(
        sent.setting.key,
        "This was locked meanwhile.",
        text,
        wanted=sent.setting.say(sent.value) if is_choice else "",
        wanted_facts=tuple(parts.facts_of(sent.value)) if is_choice else (),
        status=409,
    )


def _changed(sent: Sent, now: Made | None) -> Trouble:
    place, setting = sent.place, sent.setting
    entry = None if now else undoing.newest(setting.key, place.level, place.scope.pk, place.account)
    text = format_html(
        "{} Nothing of yours has been saved. Look at it as it is now, and send it again if you still want it.",
        change_sheet.news(setting, now, entry),
    )
    trouble = Trouble(setting.key, "This was changed meanwhile.", text, status=409)
    if sent.act != "choose":
        return trouble
    current = now.value if now else sent.explanation.value
    trouble = dataclasses.replace(trouble, wanted=setting.say(sent.value))
    if setting.kind is not bool:
        lines = describing.differences(setting, current, sent.value) if parts.facts_of(current) else []
        return dataclasses.replace(trouble, form=sent.form, lines=tuple(lines))
    if current == sent.value:
        return trouble
    word = "on" if sent.value else "off"
    return dataclasses.replace(trouble, again=word, again_label=f"Turn it {word} all the same")
