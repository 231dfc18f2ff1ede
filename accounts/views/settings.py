"""Account Settings: a tab for each declared page, a row for each declared setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts import openings
from accounts.cascade import declare, explain, forms, read, write
from accounts.cascade.declare import Page, Section, Setting
from accounts.cascade.forms import Part, SettingForm
from accounts.doors import SignedInRequest, account_admin
from accounts.models import Account, User
from accounts.openings import Remark


@dataclass(frozen=True)
class Row:
    """A setting as the page shows it."""

    setting: Setting
    value: Any
    why: SafeString
    form: SettingForm
    remark: Remark | None
    # Of a composite, each with the options it offers.
    parts: list[Part]

    @property
    def is_switch(self) -> bool:
        return self.setting.kind is bool


@require_safe
@account_admin
def account_settings(request: SignedInRequest, page: str = "") -> HttpResponse:
    shown = _page_or_404(page) if page else next(iter(declare.pages()), None)
    if shown is None:
        raise Http404
    if not page:
        return redirect("account_settings_page", page=shown.slug)
    return _render(request, shown)


@require_POST
@account_admin
def account_setting(request: SignedInRequest, page: str, key: str) -> HttpResponse:
    shown = _page_or_404(page)
    setting = _setting_or_404(shown, key)
    account = request.user.account
    current = read.decisions_at(account, [setting]).get(key)
    value = current.value if current else setting.default
    form = forms.form_for(setting)(request.POST, initial=forms.initial_of(setting, value))
    if not form.is_valid():
        return _render(request, shown, rejected={key: form})
    write.choose(setting, form.value(), at=account, actor=request.user, now=timezone.now())
    messages.success(request, f"Saved: {setting.label}, {setting.say(form.value())}.")
    return HttpResponseRedirect(f"{reverse('account_settings_page', args=[page])}#setting-{setting.name}")


def _render(request: SignedInRequest, page: Page, rejected: Mapping[str, SettingForm] | None = None) -> HttpResponse:
    account = request.user.account
    context = {
        "page": page,
        "pages": declare.pages(),
        "sections": [(section, _rows(section, account, rejected or {})) for section in declare.sections(page)],
        "people": User.objects.of(account).filter(is_active=True).count(),
        "rejected": next(iter((rejected or {}).values()), None),
    }
    return render(request, "accounts/account_settings.html", context, status=422 if rejected else 200)


def _rows(section: type[Section], account: Account, rejected: Mapping[str, SettingForm]) -> list[Row]:
    offered = [setting for setting in declare.settings_of(section) if setting.offered]
    made = read.decisions_at(account, offered)
    return [_row(setting, made.get(setting.key), account, rejected.get(setting.key)) for setting in offered]


def _row(setting: Setting, made: read.Made | None, account: Account, rejected: SettingForm | None) -> Row:
    explanation = explain.explain(setting, made)
    ask = openings.row_panels.get(setting.key)
    return Row(
        setting=setting,
        value=explanation.value,
        why=explain.sentence(explanation),
        form=rejected or forms.form_for(setting)(initial=forms.initial_of(setting, explanation.value)),
        remark=ask(account) if ask else None,
        parts=forms.parts_of(setting),
    )


def _page_or_404(slug: str) -> Page:
    for page in declare.pages():
        if page.slug == slug:
            return page
    raise Http404


def _setting_or_404(page: Page, key: str) -> Setting:
    for section in declare.sections(page):
        for setting in declare.settings_of(section):
            if setting.key == key and setting.offered:
                return setting
    raise Http404
