"""Who there is, what they decided, what was done. Nothing here has heard of calendars."""

from accounts.models.audit import AppendOnly, AuditEntry, AuditEntryQuerySet
from accounts.models.decisions import PendingChange, SettingDecision
from accounts.models.domains import AssociatedDomain, DomainMethod, DomainState
from accounts.models.jobs import Job, JobRow, JobState, RowState
from accounts.models.letters import Letter
from accounts.models.people import Account, Group, Membership, Role, User, UserManager, UserQuerySet

__all__ = [
    "Account",
    "AppendOnly",
    "AssociatedDomain",
    "AuditEntry",
    "AuditEntryQuerySet",
    "DomainMethod",
    "DomainState",
    "Group",
    "Job",
    "JobRow",
    "JobState",
    "Letter",
    "Membership",
    "PendingChange",
    "Role",
    "RowState",
    "SettingDecision",
    "User",
    "UserManager",
    "UserQuerySet",
]
