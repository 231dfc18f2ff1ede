"""What a failure means to the one connection that met it, where it was said of more than that, or of less. Pure."""

from __future__ import annotations

from dataclasses import replace

from integrations.failures import Failure, Outcome, Reason
from integrations.models import Connection
from integrations.preferences import Method

# Only a mailbox says so.
OF_A_MAILBOX = (Outcome.NOT_ELIGIBLE, Outcome.NOT_PERMITTED)
PASSING = (Outcome.THROTTLED, Outcome.UNREACHABLE)
# Said of one mailbox too, and not only of all of an organization.
_EWS_IS_OFF = (Reason.EWS_DISABLED, Reason.EWS_NOT_ALLOWED)
# What Microsoft says of a refresh token that was spent before; it may do so without a number.
_SPENT = (Reason.GRANT_UNKNOWN, Reason.GRANT_EXPIRED)


def to_it(connection: Connection, failure: Failure) -> Failure:
    """Of a connection that rests on nothing of its person's, nothing of theirs can be lost."""
    if connection.is_by_organization:
        return _of_this_mailbox(failure)
    is_of_an_account = failure.outcome is Outcome.AUTHORIZATION_LOST and failure.reason is not Reason.ADDRESS_CHANGED
    if connection.method == Method.IMPERSONATION.value and is_of_an_account:
        # Said to the server's impersonation account.
        return replace(failure, outcome=Outcome.UNREACHABLE, reason=Reason.SERVICE_TROUBLE)
    return failure


def may_be_spent(failure: Failure) -> bool:
    is_unexplained = failure.reason is Reason.REFUSED and not failure.code.startswith("AADSTS")
    return failure.reason in _SPENT or is_unexplained


def _of_this_mailbox(failure: Failure) -> Failure:
    """What concerns all of the organization is filed with its link: what is left is passing."""
    if failure.outcome in (*OF_A_MAILBOX, *PASSING) or failure.reason in _EWS_IS_OFF:
        return failure
    return replace(failure, outcome=Outcome.UNREACHABLE, reason=Reason.TOKEN_REFUSED, claims="")
