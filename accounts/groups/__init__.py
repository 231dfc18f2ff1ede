"""Groups: created, named, ranked, deleted, and who is in them."""

from __future__ import annotations

from accounts.groups.admins import appoint_admin, dismiss_admin
from accounts.groups.lifetime import NameTaken, create, delete, rename
from accounts.groups.membership import (
    AboveGroupAdmins,
    Deactivated,
    Joining,
    NotAMember,
    Stranger,
    add_members,
    choose_primary,
    put,
    remove_members,
    require_addable,
    require_removable,
)
from accounts.groups.order import (
    NeighbourGone,
    NoSuchPosition,
    above_for,
    next_after,
    number_of,
    placed,
    position_above,
    position_of,
    ranked,
    speaking_before,
    with_people_count,
)
from accounts.groups.ranks import STEP, rank

__all__ = [
    "STEP",
    "AboveGroupAdmins",
    "Deactivated",
    "Joining",
    "NameTaken",
    "NeighbourGone",
    "NoSuchPosition",
    "NotAMember",
    "Stranger",
    "above_for",
    "add_members",
    "appoint_admin",
    "choose_primary",
    "create",
    "delete",
    "dismiss_admin",
    "next_after",
    "number_of",
    "placed",
    "position_above",
    "position_of",
    "put",
    "rank",
    "ranked",
    "remove_members",
    "rename",
    "require_addable",
    "require_removable",
    "speaking_before",
    "with_people_count",
]
