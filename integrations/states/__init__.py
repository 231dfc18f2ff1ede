"""Every change of a connection's state, and nothing else changes it.

Each names what it expects to find, so that a late answer about an old token cannot undo what happened meanwhile.
Answers False where it came too late.
"""

from integrations.states.answers import (
    COME_BACK,
    LOST,
    MAILBOX_FOUND,
    MAILBOX_GONE,
    RENEWABLE,
    STANDING,
    after_refresh,
    credential_accepted,
    found_after_all,
    went_well,
    went_wrong,
)
from integrations.states.columns import NO_TOKENS, RELEASED
from integrations.states.consent import approval_over, awaiting_admin, mailbox_opened, on_the_way
from integrations.states.joining import carried, kept_in_view
from integrations.states.organization import (
    CONSENT_FOUND,
    CONSENT_LOST,
    as_its_link,
    let_in,
    link_troubled,
    link_works,
    no_longer_covered,
    scoped_out,
)
from integrations.states.policy import (
    blocked,
    blocked_for,
    disconnected,
    given_up,
    let_go,
    narrowed,
    released,
)
from integrations.states.schedule import (
    FIRST_WAIT,
    IDLE_AFTER,
    KEEP_ALIVE,
    KEEP_FRESH,
    LONGEST_WAIT,
    LOOK_AGAIN,
    is_waiting,
    next_refresh,
    wait_before,
)

__all__ = [
    "COME_BACK",
    "CONSENT_FOUND",
    "CONSENT_LOST",
    "FIRST_WAIT",
    "IDLE_AFTER",
    "KEEP_ALIVE",
    "KEEP_FRESH",
    "LONGEST_WAIT",
    "LOOK_AGAIN",
    "LOST",
    "MAILBOX_FOUND",
    "MAILBOX_GONE",
    "NO_TOKENS",
    "RELEASED",
    "RENEWABLE",
    "STANDING",
    "after_refresh",
    "approval_over",
    "as_its_link",
    "awaiting_admin",
    "blocked",
    "blocked_for",
    "carried",
    "credential_accepted",
    "disconnected",
    "found_after_all",
    "given_up",
    "is_waiting",
    "kept_in_view",
    "let_go",
    "let_in",
    "link_troubled",
    "link_works",
    "mailbox_opened",
    "narrowed",
    "next_refresh",
    "no_longer_covered",
    "on_the_way",
    "released",
    "scoped_out",
    "wait_before",
    "went_well",
    "went_wrong",
]
