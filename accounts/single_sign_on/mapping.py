"""Groups and the role follow what the provider says of somebody, as far as the admins have said what it means."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts import claims, groups, people
from accounts.models import IdentityProvider, Meaning, Membership, ProviderMapping, Role, User
from accounts.single_sign_on.vouched import Vouched

log = structlog.get_logger(__name__)


def follow(provider: IdentityProvider, user: User, vouched: Vouched, *, now: datetime) -> None:
    """What cannot be followed is left as it is: it keeps nobody out. Groups that no mapping names are nobody's
    business; group admins are not removed, and nobody becomes or ceases to be an owner."""
    mappings = list(ProviderMapping.objects.filter(provider=provider).select_related("group"))
    if vouched.groups is not None:
        _follow_groups([each for each in mappings if each.means == Meaning.GROUP], user, vouched.groups, now=now)
    if vouched.roles is not None:
        _follow_role([each for each in mappings if each.means == Meaning.ROLE], user, vouched.roles, now=now)


def _follow_groups(mappings: list[ProviderMapping], user: User, said: tuple[str, ...], *, now: datetime) -> None:
    named = {each.group for each in mappings if each.group is not None}
    wanted = {each.group for each in mappings if each.group is not None and each.value in said}
    held = dict(Membership.objects.filter(user=user, group__in=named).values_list("group", "is_admin"))
    for group in named:
        try:
            if group in wanted and group.pk not in held:
                groups.add_members(group, [user.pk], actor=None, now=now)
            elif group not in wanted and held.get(group.pk) is False:
                groups.remove_members(group, [user.pk], actor=None, now=now)
        except (claims.Refused, PermissionDenied, Http404) as error:
            log.warning("single_sign_on.group_not_followed", group=group.pk, reason=type(error).__name__)


def _follow_role(mappings: list[ProviderMapping], user: User, said: tuple[str, ...], *, now: datetime) -> None:
    meant = {each.role for each in mappings if each.value in said}
    named = {each.role for each in mappings}
    if user.role == Role.OWNER or not named:
        return
    role = Role.ADMIN if Role.ADMIN in meant else Role.MEMBER
    # What no mapping speaks of is decided here: an admin stays one where only members are mapped, without saying so.
    if role == user.role or (role == Role.MEMBER and Role.MEMBER not in meant and Role.ADMIN not in named):
        return
    try:
        people.change_role(user, role=role, actor=None, now=now)
    except (claims.Refused, PermissionDenied) as error:
        log.warning("single_sign_on.role_not_followed", person=user.pk, reason=type(error).__name__)
