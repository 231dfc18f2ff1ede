"""Who there is, what they decided, what was done. Nothing here has heard of calendars."""

from accounts.models.audit import AppendOnly, AuditEntry, AuditEntryQuerySet
from accounts.models.decisions import PendingChange, SettingDecision
from accounts.models.domains import AssociatedDomain, DomainMethod, DomainState
from accounts.models.jobs import Job, JobRow, JobState, RowState
from accounts.models.letters import Letter
from accounts.models.people import Account, Group, Membership, Role, User, UserManager, UserQuerySet
from accounts.models.single_sign_on import (
    Bond,
    IdentityProvider,
    Meaning,
    Protocol,
    ProviderMapping,
    SignInEntry,
    SignInMethod,
    SignInOutcome,
    SingleSignOnIdentity,
    SpentAssertion,
)

__all__ = [
    "Account",
    "AppendOnly",
    "AssociatedDomain",
    "AuditEntry",
    "AuditEntryQuerySet",
    "Bond",
    "DomainMethod",
    "DomainState",
    "Group",
    "IdentityProvider",
    "Job",
    "JobRow",
    "JobState",
    "Letter",
    "Meaning",
    "Membership",
    "PendingChange",
    "Protocol",
    "ProviderMapping",
    "Role",
    "RowState",
    "SettingDecision",
    "SignInEntry",
    "SignInMethod",
    "SignInOutcome",
    "SingleSignOnIdentity",
    "SpentAssertion",
    "User",
    "UserManager",
    "UserQuerySet",
]
