"""*Operations*: what those who run the installation must see."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import doors
from accounts.doors import SignedInRequest


@require_safe
@doors.operator
def operations(request: SignedInRequest) -> HttpResponse:
    return render(request, "config/operations.html")
