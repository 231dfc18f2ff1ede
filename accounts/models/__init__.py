"""Who there is, what they decided, what was done. Nothing here has heard of calendars."""

from accounts.models.audit import AppendOnly, AuditEntry, AuditEntryQuerySet
from accounts.models.decisions import PendingChange, SettingDecision
from accounts.models.jobs import Job, JobRow, JobState, RowState
from accounts.models.letters import Letter
from accounts.models.people import Account, Group, Membership, Role, User, UserManager, UserQuerySet

__all__ = [
    "Account",
    "AppendOnly",
    "AuditEntry",
    "AuditEntryQuerySet",
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
