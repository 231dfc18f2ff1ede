"""What the sign-in log keeps of somebody who is deleted: that there was a sign-in, and nothing of whom."""

from __future__ import annotations

from django.db.models import Q

from accounts.models import SignInEntry, User


def erase(person: User) -> int:
    """Inside the transaction that deletes the person; how many lines there were."""
    lines = SignInEntry.objects.filter(Q(user=person) | Q(email__iexact=person.email), account=person.account)
    return lines.update(user=None, email="", detail="", checks=[], ip_address=None)
