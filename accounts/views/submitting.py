"""A change of a group on its way: done at once and said, or off to be reviewed, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts import reviewing
from accounts.cascade.changes import Change, Gone
from accounts.claims import Refused
from accounts.doors import SignedInRequest
from accounts.models import PendingChange

GONE = "The group or the person was deleted meanwhile."


def submitted(request: SignedInRequest, change: Change, *, back: str, done: str) -> HttpResponse:
    """`back`: where it leads, reviewed or not. `done`: what to say once it is done."""
    try:
        made = reviewing.submit(change, by=request.user, back=back, seen=None, now=timezone.now())
    except Gone:
        messages.error(request, GONE)
        return redirect("groups")
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    if isinstance(made, PendingChange):
        return redirect("change", made.pk)
    messages.success(request, done)
    return redirect(back)


def said(request: SignedInRequest, change: Callable[[], str], *, back: str) -> HttpResponse:
    """Say what `change` did, or why it was refused."""
    try:
        messages.success(request, change())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(back)
