"""The one thing that helps a connection, and who does it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations import health
from integrations.diagnosis import ews_remedies, organization_remedies, remedies
from integrations.diagnosis.case import Case
from integrations.diagnosis.remedies import Place, Remedy, Who
from integrations.failures import Reason
from integrations.models import State
from integrations.policy import Obstacle
from integrations.preferences import Api, Method

# In these the way back is the person's own, at Microsoft: nothing must stand before it.
_BY_CONNECTING = (State.NEEDS_REAUTH, State.NOT_ELIGIBLE, State.AWAITING_ADMIN, State.DISCONNECTED)
# By the name of the page.
_LINKS = {
    Place.APPROVALS: ("approvals", "See who awaits an admin"),
    Place.ORGANIZATION: ("organizations", "See the organization"),
    Place.DOMAINS: ("account_profile", "See the associated domains"),
    Place.SERVERS: ("exchange_servers", "See the Exchange servers"),
    Place.EWS: ("ews", "See who uses EWS"),
}


@dataclass(frozen=True)
class Help:
    who: Who
    says: SafeString


def helps(case: Case) -> Help:
    remedy = _remedy(case)
    says = remedy.says(str(case.person))
    if remedy.place is Place.SETTING and case.obstacle:
        return Help(remedy.who, format_html("{} {}", says, case.sentence_behind(case.obstacle)))
    if remedy.place in _LINKS:
        name, words = _LINKS[remedy.place]
        link = format_html('<a href="{}">{}</a>.', reverse(name), words)
        return Help(remedy.who, format_html("{} {}", says, link))
    return Help(remedy.who, format_html("{}", says))


def _remedy(case: Case) -> Remedy:
    """What stands first in the way comes first."""
    if case.is_by_organization:
        return _of_ews(case) or _of_organization(case)
    if case.connection.state in _BY_CONNECTING:
        if not case.person.is_active:
            return remedies.ACTIVATE_FIRST
        if case.obstacle is Obstacle.SET_UP_BY_ADMIN:
            return remedies.BY_ORGANIZATION
        if case.obstacle:
            return remedies.ALLOW_FIRST
        if case.is_credential_refused and not case.is_at_own_server:
            return remedies.OPERATOR_FIRST
    return _of_ews(case) or _of_state(case)


def _of_ews(case: Case) -> Remedy | None:
    """None: as of any other."""
    state, reason = State(case.connection.state), case.connection.reason
    if case.is_at_own_server:
        return ews_remedies.at_own_server(state, reason, is_impersonated=case.is_by_impersonation)
    return ews_remedies.at_microsoft(state, reason) if case.connection.api == Api.EWS.value else None


def _of_organization(case: Case) -> Remedy:
    state = State(case.connection.state)
    if state in _BY_CONNECTING:
        if not case.person.is_active:
            return remedies.ACTIVATE_FIRST
        if case.obstacle:
            return organization_remedies.of_obstacle(case.obstacle)
        if state is State.DISCONNECTED and case.method is Method.OAUTH:
            return remedies.CONNECT
    return organization_remedies.of(state, case.connection.reason, is_removed=_is_removed(case))


def _of_state(case: Case) -> Remedy:
    connection = case.connection
    match connection.state:
        case State.NEEDS_REAUTH:
            return remedies.of_lost(connection.reason)
        case State.DEGRADED:
            return remedies.of_passing(connection.reason)
        case State.PAUSED:
            return remedies.of_paused(connection.reason, is_removed=_is_removed(case))
        case State.BLOCKED_BY_POLICY:
            return remedies.of_blocked(connection.reason)
        case State.NOT_ELIGIBLE:
            return remedies.of_no_mailbox(connection.reason)
        case State.AWAITING_ADMIN:
            return remedies.APPROVE
        case State.DISCONNECTED:
            return remedies.CONNECT
        case State.CONNECTED if connection.withheld:
            return remedies.WITHHELD
        case State.CONNECTING:
            return remedies.ON_THE_WAY
        case _:
            return remedies.NOTHING


def _is_removed(case: Case) -> bool:
    """The application; not merely switched off."""
    return case.connection.reason == Reason.APP_REMOVED and case.connection.code in health.REMOVED
