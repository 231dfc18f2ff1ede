"""What people whom the organization connects are told when something is wrong: why, and never to press a button."""

from __future__ import annotations

import pytest

from integrations import health, reasons
from integrations.failures import Reason
from integrations.models import Connection, State
from integrations.preferences import Method

PAUSED = (
    Reason.APP_REMOVED,
    Reason.CONSENT_REVOKED,
    Reason.PERMISSION_MISSING,
    Reason.TENANT_GONE,
    Reason.TENANT_BLOCKED,
    Reason.SERVICE_ABSENT,
    Reason.CONDITIONAL_ACCESS,
    Reason.REFUSED,
)
OUT = (
    Reason.NO_MAILBOX,
    Reason.GUEST,
    Reason.ON_PREMISES,
    Reason.AMBIGUOUS,
    Reason.SCOPED_OUT,
    Reason.ACCOUNT_DISABLED,
)
ENDED = (Reason.OUTSIDE_DOMAIN, Reason.NOT_COVERED, Reason.LINK_ENDED)
STATES = {State.PAUSED: PAUSED, State.NOT_ELIGIBLE: OUT, State.DISCONNECTED: ENDED}


def _words(state: State, reason: Reason, **more: str) -> health.Words:
    connection = Connection(state=state, reason=reason, method=Method.APPLICATION_PERMISSIONS.value, **more)
    words = health.of_connection(connection)
    assert words is not None
    return words


@pytest.mark.parametrize(("state", "known"), STATES.items())
def test_each_reason_has_a_sentence_of_its_own_and_no_button(state: State, known: tuple[Reason, ...]) -> None:
    found = [_words(state, reason) for reason in known]

    assert len({words.says for words in found}) == len(known)
    assert {words.button for words in found} == {health.WAIT}
    assert not any("econnect" in f"{words.says} {words.explains}" for words in found)


def test_that_the_application_was_removed_is_told_from_its_being_switched_off() -> None:
    removed = _words(State.PAUSED, Reason.APP_REMOVED, code="AADSTS700016")
    disabled = _words(State.PAUSED, Reason.APP_REMOVED, code="AADSTS7000112")

    assert removed.says != disabled.says
    assert removed.button == disabled.button == health.WAIT


def test_what_the_operator_must_mend_is_said_to_be_the_operators() -> None:
    assert "operator" in _words(State.PAUSED, Reason.CREDENTIAL_EXPIRED).says


@pytest.mark.parametrize("reason", [*PAUSED, *OUT, *ENDED])
def test_the_audit_log_has_words_for_each(reason: Reason) -> None:
    assert reasons.in_words(reason)
