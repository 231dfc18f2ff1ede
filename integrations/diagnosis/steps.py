"""The steps from the switch to the mailbox: a closed list, each done, failed, skipped or unknown.

Read from what is stored: nothing here asks Microsoft, and what nobody has asked yet is said to be unknown.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html

from accounts.cascade.words import many
from accounts.templatetags.ui import local_moment
from integrations.console import listing
from integrations.diagnosis import ews_steps, organization_steps
from integrations.diagnosis.case import OURS, Case
from integrations.diagnosis.model import NO_ACCESS, Mark, Part, Step, because
from integrations.models import ALIVE, AppCredential, State, Trouble
from integrations.policy import Obstacle, surplus
from integrations.preferences import API_NAMES, SERVICE_NAMES, Api, Service
from integrations.verdicts import shape_of

WITHHELD = {
    "calendar_write": "Write calendar",
    "contacts_read": "Read contacts",
    "contacts_write": "Write contacts",
}


def steps(case: Case) -> list[Step]:
    before = [_integration(case), _policy(case), _credential(case)]
    if case.is_at_own_server:
        return [_integration(case), _policy(case), *ews_steps.at_own_server(case)]
    by_ews = [ews_steps.at_microsoft(case)] if case.connection.api == Api.EWS.value else []
    if case.is_by_organization:
        *rest, mailbox = organization_steps.of(case)
        return [*before, *rest, *by_ews, mailbox]
    return [*before, _consent(case), _renewal(case), *by_ews, _mailbox(case)]


def _integration(case: Case) -> Step:
    is_on = case.holding.values.enabled
    mark, word = (Mark.DONE, "on") if is_on else (Mark.FAILED, "off")
    return Step(Part.INTEGRATION, mark, f"Integration is {word} for {case.person}", case.sentence("enabled"))


def _policy(case: Case) -> Step:
    is_there = case.connection.state not in (State.DISCONNECTED, State.AWAITING_ADMIN)
    fits = "The connection fits the policy" if is_there else "The policy allows a connection"
    if case.obstacle is Obstacle.TURNED_OFF:
        return Step(Part.POLICY, Mark.SKIPPED, fits, "Not asked while the integration is off.")
    if case.obstacle:
        does_not = "The connection does not fit the policy" if is_there else "The policy allows no connection"
        why = format_html("{}. {}", listing.in_words(case.obstacle.value), case.sentence_behind(case.obstacle))
        return Step(Part.POLICY, Mark.FAILED, does_not, why)
    return Step(Part.POLICY, Mark.DONE, fits, _shape(case) if is_there else case.sentence("services"))


def _shape(case: Case) -> str:
    connection = case.connection
    way = f"{SERVICE_NAMES[Service(connection.service)]}, {API_NAMES[Api(connection.api)]}"
    by = " Connected by the organization." if case.is_by_organization else ""
    ticked = case.holding.values.services.organization_contacts
    says = f"{way}.{by} {listing.permissions(connection, reads_contacts=ticked)}."
    if connection.state in ALIVE and surplus(case.holding.values, shape_of(connection)):
        says += " The settings now give less than was given before; it stays, because nobody has locked them."
    return says


def _credential(case: Case) -> Step:
    accepted, known = "Meridian’s own credential is accepted", case.credentials
    if case.is_credential_refused:
        reason = case.connection.reason if case.connection.reason in OURS else known[0].reason
        why = f"{listing.in_words(reason)}. Its operator has been told."
        return Step(Part.CREDENTIAL, Mark.FAILED, "Microsoft refuses Meridian’s own credential", why)
    good = next((one for one in known if one.accepted_at and not one.is_refused), None)
    if good is None:
        return Step(Part.CREDENTIAL, Mark.UNKNOWN, accepted, "Microsoft has not been asked yet.")
    return Step(Part.CREDENTIAL, Mark.DONE, accepted, kind(good, now=case.now))


def _consent(case: Case) -> Step:
    connection, person = case.connection, case.person
    given = f"{person} has given the permissions at Microsoft"
    if connection.state == State.AWAITING_ADMIN:
        why = "Microsoft wants an administrator’s approval."
        return Step(Part.CONSENT, Mark.FAILED, f"{person} cannot give the permissions alone", why)
    if connection.state == State.DISCONNECTED:
        why = f"{listing.in_words(connection.reason)}." if connection.reason else "There is no connection."
        return Step(Part.CONSENT, Mark.SKIPPED, given, why)
    if connection.state == State.CONNECTING:
        return Step(Part.CONSENT, Mark.UNKNOWN, given, "A worker is at it.")
    if connection.withheld:
        missing = ", ".join(WITHHELD.get(one, one) for one in connection.withheld)
        why = f"Asked for and not given: {missing}."
        return Step(Part.CONSENT, Mark.FAILED, "Microsoft gave less than was asked for", why)
    first = local_moment(connection.connected_at)
    return Step(Part.CONSENT, Mark.DONE, given, format_html("First connected {}.", first) if first else "")


def _renewal(case: Case) -> Step:
    connection, renews = case.connection, "Microsoft renews the access"
    if connection.state in NO_ACCESS:
        return Step(Part.RENEWAL, Mark.SKIPPED, renews, NO_ACCESS[State(connection.state)])
    if connection.state == State.NEEDS_REAUTH:
        return Step(Part.RENEWAL, Mark.FAILED, "Microsoft refuses to renew the access", because(connection))
    if connection.state == State.PAUSED and connection.reason in OURS:
        return Step(Part.RENEWAL, Mark.SKIPPED, renews, "Not asked while Microsoft refuses Meridian’s own credential.")
    is_unwell = connection.state in (State.PAUSED, State.DEGRADED) and not ews_steps.is_ews_off(connection)
    if is_unwell and connection.trouble != Trouble.MAILBOX:
        return Step(Part.RENEWAL, Mark.FAILED, "Microsoft does not renew the access at the moment", because(connection))
    if connection.refreshed_at is None:
        return Step(Part.RENEWAL, Mark.UNKNOWN, renews, "It has not been renewed yet.")
    return Step(Part.RENEWAL, Mark.DONE, renews, format_html("Last {}.", local_moment(connection.refreshed_at)))


def _mailbox(case: Case) -> Step:
    connection, answers = case.connection, "The mailbox answers"
    if connection.state in NO_ACCESS:
        return Step(Part.MAILBOX, Mark.SKIPPED, answers, NO_ACCESS[State(connection.state)])
    if connection.state == State.NOT_ELIGIBLE:
        return Step(Part.MAILBOX, Mark.FAILED, "There is no mailbox that can be read", because(connection))
    if ews_steps.is_ews_off(connection):
        return Step(Part.MAILBOX, Mark.SKIPPED, answers, "Not asked, as it would be by EWS.")
    if connection.trouble == Trouble.MAILBOX and connection.state in ALIVE:
        return Step(Part.MAILBOX, Mark.FAILED, "The mailbox does not answer at the moment", because(connection))
    last = local_moment(connection.last_good_at)
    if connection.state != State.CONNECTED:
        earlier = format_html(" It answered last {}.", last) if last else ""
        return Step(Part.MAILBOX, Mark.SKIPPED, answers, format_html("Not asked, for want of access.{}", earlier))
    if not last:
        return Step(Part.MAILBOX, Mark.UNKNOWN, answers, "It has not been asked yet.")
    return Step(Part.MAILBOX, Mark.DONE, answers, format_html("Last {}.", last))


def kind(credential: AppCredential, *, now: datetime) -> str:
    """“Certificate, expires in 214 days.”"""
    kind = "Certificate" if credential.is_certificate else "Client secret"
    if credential.expires_at is None:
        return f"{kind}; when it expires is not known here."
    days = (credential.expires_at - now).days
    return f"{kind}, past its end." if days < 0 else f"{kind}, expires in {many(days, 'day', 'days')}."
