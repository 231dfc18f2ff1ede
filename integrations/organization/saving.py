"""The last step of an authorization: the settings for which it was made are saved.

By now the organization is linked, whatever becomes of the settings: if they cannot be saved as they were reviewed, it
is said why, and one button mends it.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404

from accounts import reviewing
from accounts.cascade import changes
from accounts.cascade.declare import BadValue
from accounts.cascade.write import ChangedMeanwhile, SettingLocked
from accounts.claims import Refused
from accounts.models import PendingChange, User
from accounts.reviewing import Done, Ended, Gone, MoreAffected
from integrations.models import LinkRequest, LinkStep
from integrations.organization import telling_trip, trips

GONE = "The change was cancelled, or had been waiting for too long."
MORE = "Meanwhile it would end other people’s connections than the ones you were shown."
MOVED = "Somebody has changed this setting meanwhile."
LOCKED = "Somebody has locked this setting meanwhile."
IMPOSSIBLE = "What it was about has been deleted, or is no longer offered."
NOT_YOURS = "Whoever made the change may no longer change this setting."
UNFORESEEN = "Meridian tried several times and failed."


def save(request: LinkRequest, *, now: datetime) -> None:
    """Raises `trips.Overtaken`. All of it happens at once, so a worker that dies leaves it to be done again."""
    with transaction.atomic():
        not_saved = _confirmed(request, now=now) if "change" in request.confirmed else ""
        trips.advance(request, LinkStep.DONE, ended_at=now, claimed_until=None, not_saved=not_saved)
        telling_trip.done(request, now=now)


def leave(request: LinkRequest, *, now: datetime) -> None:
    """It cannot be done, nobody knows why: it ends all the same, and an admin can save them."""
    with transaction.atomic():
        trips.advance(request, LinkStep.DONE, ended_at=now, claimed_until=None, not_saved=UNFORESEEN)
        telling_trip.done(request, now=now)


def propose_again(request: LinkRequest, *, by: User, now: datetime) -> Done | PendingChange:
    """What could not be saved, once more. Raises what `reviewing.submit` raises."""
    waiting = request.change
    if waiting is not None and waiting.by_id == by.pk and waiting.expires_at > now:
        return waiting
    change = changes.from_json(request.confirmed["change"])
    back = str(request.confirmed.get("back", ""))
    made = reviewing.submit(change, by=by, back=back, seen=None, now=now)
    LinkRequest.objects.filter(pk=request.pk).update(change=made if isinstance(made, PendingChange) else None)
    return made


def _confirmed(request: LinkRequest, *, now: datetime) -> str:
    """Why it was not saved; "" where it was."""
    if request.change is None:
        return GONE
    sheet = request.confirmed
    try:
        reviewing.confirm(
            request.change,
            actor=request.by,
            reason=str(sheet.get("reason", "")),
            now=now,
            said=sheet.get("said"),
            seen=sheet.get("seen"),
            gates_passed=True,
        )
    except Ended:
        return GONE
    except MoreAffected:
        return MORE
    except ChangedMeanwhile:
        return MOVED
    except SettingLocked:
        return LOCKED
    except PermissionDenied:
        return NOT_YOURS
    except Refused as refusal:
        return str(refusal)
    except (Gone, BadValue, Http404):
        return IMPOSSIBLE
    return ""
