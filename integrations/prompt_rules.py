"""Who is asked, after single sign-on, to connect the calendar. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integrations.policy import may_connect
from integrations.preferences import Integrations, SsoPrompt
from integrations.ways import own_way


class Standing(StrEnum):
    """How it stands with somebody's connection, as far as it matters here."""

    NONE = "none"
    # Also while there is passing trouble: it comes back by itself.
    WORKING = "working"
    # The organization's own consent carries it.
    CARRIED = "carried"
    # Microsoft no longer accepts what we hold.
    BROKEN = "broken"
    # It has to be connected in another way, or with less.
    BLOCKED = "blocked"
    # Another account of theirs may do.
    NOT_ELIGIBLE = "not_eligible"
    # An administrator's turn, not theirs.
    AWAITING_ADMIN = "awaiting_admin"


# A step of the person would help.
NOT_INTEGRATED = frozenset({Standing.NONE, Standing.BROKEN, Standing.BLOCKED, Standing.NOT_ELIGIBLE})


@dataclass(frozen=True)
class Case:
    """One sign-in. `domain`: of the one account that the connection can be renewed with; "" where any will do."""

    is_single_sign_on: bool
    settings: Integrations
    standing: Standing = Standing.NONE
    domain: str = ""
    # Before, whatever came of it, and not reset since.
    was_asked: bool = False


def should_ask(case: Case) -> bool:
    prompt = case.settings.sso_prompt
    if not case.is_single_sign_on or prompt is SsoPrompt.OFF:
        return False
    if prompt is SsoPrompt.FIRST_TIME and case.was_asked:
        return False
    return case.standing in NOT_INTEGRATED and may_agree(case.settings, domain=case.domain)


def may_agree(settings: Integrations, *, domain: str = "") -> bool:
    """Whether the settings let somebody connect Office 365 by agreeing at Microsoft themselves."""
    way = own_way(settings.services)
    return way.is_at_microsoft and may_connect(settings, way.wish(domain=domain)) is None
