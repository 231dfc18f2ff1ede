"""Reading the log newest first. An entry is never deleted, so its key says where the next page begins."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Account, AuditEntry
from accounts.newest_first import AT_ONCE, COUNTED, Page, all_of, page

__all__ = ["AT_ONCE", "COUNTED", "Page", "all_of", "of_account", "page"]


def of_account(account: Account) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(account=account)
