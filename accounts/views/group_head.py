"""What the head and the tabs of every page of one group need (`_group_head.html`, `_group_tabs.html`)."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Lower
from django.shortcuts import get_object_or_404

from accounts import groups
from accounts.cascade.declare import Level
from accounts.models import Group, Membership, User
from accounts.views.tabs import pages_at

NAMED = 3  # admins, and groups that speak before this one; of more it is said that there are more


def group_head(shown: Group, *, reader: User, tab: str) -> dict[str, Any]:
    """`tab`: "profile", "members" or the slug of a page of settings. Three queries."""
    group = get_object_or_404(groups.with_people_count(groups.ranked(Group.objects.filter(pk=shown.pk))))
    admins = Membership.objects.filter(group=shown, is_admin=True).select_related("user")
    speaking = list(groups.speaking_before(shown)[: NAMED + 1])
    managers = [admin.user for admin in admins.order_by(Lower("user__name"), "user")[: NAMED + 1]]
    return {
        "group": group,
        "managers": managers[:NAMED],
        "has_more_managers": len(managers) > NAMED,
        "speaking": speaking[:NAMED],
        "has_more_speaking": len(speaking) > NAMED,
        "tab": tab,
        "pages": pages_at(Level.GROUP),
        "may_manage_group": reader.is_account_admin,
    }
