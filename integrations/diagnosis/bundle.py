"""The support bundle: what somebody else needs to know to help with one connection, and nothing else.

Every field is named here: a column that is added later is not in it until somebody has thought about it. No token, no
ciphertext, no state of a sign-in; of people only the one whose connection it is.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from platform import python_version
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.utils.html import strip_tags

from accounts import audit
from accounts.cascade.explain import Explanation
from integrations.diagnosis import past
from integrations.diagnosis.case import Case
from integrations.diagnosis.help import helps
from integrations.diagnosis.steps import steps
from integrations.models import Connection, ConsentRequest, ExchangeServer

DOWNLOADED = audit.declare(
    "calendar.bundle_downloaded", "{actor} downloaded a support bundle about {target}.", personal_target=True
)
CONSENTS = 5
_CONNECTION = (
    "id",
    "account_id",
    "user_id",
    "service",
    "api",
    "method",
    "link_id",
    "server_id",
    "move",
    "state",
    "since_at",
    "reason",
    "code",
    "trace_id",
    "trouble",
    "failed_at",
    "refused_since",
    "kept_until",
    "tenant_id",
    "object_id",
    "address",
    "calendar_write",
    "contacts_write",
    "granted",
    "withheld",
    "access_expires_at",
    "token_version",
    "refreshed_at",
    "refresh_due_at",
    "attempts",
    "lease_until",
    "interrupted_at",
    "connected_at",
    "last_good_at",
    "last_used_at",
)
# Not who consented there: of people only the one whose connection it is.
_LINK = (
    "id",
    "tenant_id",
    "api",
    "api",
    "domains",
    "domains_at",
    "state",
    "since_at",
    "reason",
    "code",
    "trace_id",
    "failed_at",
    "attempts",
    "linked_at",
    "ended_at",
    "service_principal_id",
    "roles",
    "roles_at",
    "probed",
    "probed_at",
    "drift",
    "drift_since",
    "access_expires_at",
    "token_version",
    "lease_until",
    "check_due_at",
    "follow_due_at",
    "probe_due_at",
    "followed_at",
    "not_before",
    "setbacks",
)
# Of the impersonation account only that there is one.
_SERVER = (
    "id",
    "address",
    "build",
    "version",
    "state",
    "since_at",
    "reason",
    "code",
    "trace_id",
    "failed_at",
    "attempts",
    "last_good_at",
    "checked_at",
    "check_due_at",
    "told_at",
)
_PROSPECT = ("outcome", "reason", "code", "trace_id", "looked_at", "tried_at")
_PAST = ("service", "method", "moved_at", "kept_until")
_CREDENTIAL = ("is_certificate", "expires_at", "accepted_at", "refused_at", "reason", "code", "trace_id")
_CONSENT = (
    "id",
    "service",
    "api",
    "method",
    "step",
    "is_renewal",
    "calendar_write",
    "contacts_write",
    "created_at",
    "expires_at",
    "answered_at",
    "attempts",
    "ended_at",
    "reason",
    "code",
    "trace_id",
)
_LETTER = ("kind", "incident", "created_at", "attempts", "sent_at", "dropped_at")
_ENTRY = ("at", "action", "before", "after")
_PARTS = ("Django", "celery", "msal", "requests", "cryptography", "exchangelib")


def bundle(case: Case) -> dict[str, Any]:
    """Three queries besides the case."""
    connection = case.connection
    return {
        "made_at": case.now,
        "versions": {"python": python_version()} | {part.lower(): version(part) for part in _PARTS},
        "portal": {"public_url": settings.PUBLIC_URL, "client_id": settings.MICROSOFT_CLIENT_ID},
        "person": {"id": case.person.pk, "is_active": case.person.is_active},
        "connection": _fields(connection, _CONNECTION) | _held(connection),
        "steps": [
            {"step": step.part, "result": step.mark, "says": step.says, "explains": strip_tags(step.explains)}
            for step in steps(case)
        ],
        "what_helps": helps(case).who,
        "settings": {name: _setting(explanation) for name, explanation in case.explained.items()},
        "organization": _fields(case.link, _LINK) if case.link else None,
        "exchange_server": _server(case.server),
        "could_use_graph": _fields(connection.prospect, _PROSPECT) if hasattr(connection, "prospect") else None,
        "by_ews_before": _fields(connection.ews_past, _PAST) if hasattr(connection, "ews_past") else None,
        "credentials": [_fields(one, _CREDENTIAL) for one in case.credentials],
        "consents": [_fields(one, _CONSENT) for one in _consents(connection)],
        "letters": [_fields(one, _LETTER) for one in past.letters(connection)],
        "history": [_fields(one, _ENTRY) for one in past.entries(connection)],
    }


def text(case: Case) -> str:
    return json.dumps(bundle(case), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def downloaded(case: Case) -> str:
    """The same, for a file; that somebody took it is written down."""
    connection, found = case.connection, text(case)
    account = connection.user.account
    audit.record(DOWNLOADED, account=account, actor=case.reader, on=connection, now=case.now, about=connection.user_id)
    return found


def _fields(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _held(connection: Connection) -> dict[str, bool]:
    """Of what is secret, or the person's name elsewhere: whether there is any."""
    return {"wants_step_up": bool(connection.claims), "has_password": bool(connection.password)}


def _server(server: ExchangeServer | None) -> dict[str, Any] | None:
    return _fields(server, _SERVER) | {"has_impersonation_account": bool(server.password)} if server else None


def _setting(explanation: Explanation) -> dict[str, Any]:
    """What holds, and where that was decided; not by whom."""
    source, setting = explanation.source, explanation.setting
    return {
        "value": setting.to_json(explanation.value),
        "from": source.level if source else "default",
        "from_id": source.place_id if source else None,
        "decided_at": source.at if source else None,
        "is_locked": bool(source and source.is_locked),
    }


def _consents(connection: Connection) -> list[ConsentRequest]:
    columns = ConsentRequest.objects.filter(user=connection.user_id).only(*_CONSENT)
    return list(columns.order_by("-created_at")[:CONSENTS])
