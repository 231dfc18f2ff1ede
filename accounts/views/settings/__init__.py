"""Settings at three levels and four addresses: the account's, a group's, a person's, one's own.

All of them are one page of rows (`page`) and one way to save (`saving`); only the doors and the headings differ.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.doors import SignedInRequest, account_admin, signed_in
from accounts.views.settings import page as pages
from accounts.views.settings import places, saving


@require_safe
@account_admin
def account_settings(request: SignedInRequest, page: str = "") -> HttpResponse:
    return pages.show(request, places.of_account(request.user), page)


@require_POST
@account_admin
def account_setting(request: SignedInRequest, page: str, key: str) -> HttpResponse:
    return saving.save(request, places.of_account(request.user), page, key)


@require_safe
@signed_in
def group_settings(request: SignedInRequest, pk: int, page: str = "") -> HttpResponse:
    return pages.show(request, places.of_group(request.user, pk), page)


@require_POST
@signed_in
def group_setting(request: SignedInRequest, pk: int, page: str, key: str) -> HttpResponse:
    return saving.save(request, places.of_group(request.user, pk), page, key)


@require_safe
@signed_in
def person_settings(request: SignedInRequest, pk: int, page: str = "") -> HttpResponse:
    place = places.of_person(request.user, pk)
    if place.word == "own":
        return redirect("own_settings_page", page) if page else redirect("own_settings")
    return pages.show(request, place, page)


@require_POST
@signed_in
def person_setting(request: SignedInRequest, pk: int, page: str, key: str) -> HttpResponse:
    return saving.save(request, places.of_person(request.user, pk), page, key)


@require_safe
@signed_in
def own_settings(request: SignedInRequest, page: str = "") -> HttpResponse:
    return pages.show(request, places.own(request.user), page)


@require_POST
@signed_in
def own_setting(request: SignedInRequest, page: str, key: str) -> HttpResponse:
    return saving.save(request, places.own(request.user), page, key)
