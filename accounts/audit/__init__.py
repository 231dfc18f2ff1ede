"""The audit log: append-only, one entry for each change, written in the transaction of the change."""

from __future__ import annotations

from accounts.audit.declarations import Action, actions, declare
from accounts.audit.erasure import erase
from accounts.audit.exporting import export, header
from accounts.audit.reading import COUNTED, Page, of_account, page
from accounts.audit.recording import SYSTEM, Subject, record, record_many
from accounts.audit.words import Change, changes, sentence

__all__ = [
    "COUNTED",
    "SYSTEM",
    "Action",
    "Change",
    "Page",
    "Subject",
    "actions",
    "changes",
    "declare",
    "erase",
    "export",
    "header",
    "of_account",
    "page",
    "record",
    "record_many",
    "sentence",
]
