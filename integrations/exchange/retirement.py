"""When Exchange Online stops answering by EWS: two dates of Microsoft's, and what they mean on a given day. Pure.

And what has to be known of EWS in any case: it opens whole mailboxes.

An organization's own Exchange servers are not affected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

# From here on tenant by tenant, unless its admins decided otherwise; and for good, without exceptions.
BLOCKED_FROM = date(2026, 10, 1)
ENDS_ON = date(2027, 4, 1)

FULL_MAILBOX = (
    "EWS opens the whole mailbox: it knows no smaller permission. Meridian reads calendars there and nothing else; it "
    "writes nothing."
)
SAYS_DATES = (
    "Exchange Online blocks EWS by default since 1 October 2026, organization by organization, and ends it for good on "
    "1 April 2027. Exchange servers of your own are not affected."
)


@dataclass(frozen=True)
class Milestone:
    """One of the two dates, as it stands on a day."""

    day: date
    title: str
    # Days until it comes; 0 on the day and after it.
    days_left: int
    # “in 128 days”, “53 days ago”, “today”.
    when: str
    text: str

    @property
    def is_past(self) -> bool:
        return self.days_left == 0


def milestones(today: date) -> tuple[Milestone, Milestone]:
    return (
        _milestone(
            BLOCKED_FROM,
            "Blocked by default",
            "Microsoft blocks EWS in one organization after another. Its admins may allow single applications again "
            "until EWS ends.",
            today,
        ),
        _milestone(
            ENDS_ON, "Ends for good", "EWS is switched off in every organization. Nobody can allow it any more.", today
        ),
    )


def days_left(today: date) -> int:
    """Until EWS ends in Exchange Online for good; 0 from that day on."""
    return max(0, (ENDS_ON - today).days)


def is_over(today: date) -> bool:
    return today >= ENDS_ON


def sentence(today: date) -> str:
    """What whoever uses EWS with Office 365, or is about to, has to know today."""
    if is_over(today):
        return "Exchange Online ended EWS for good on 1 April 2027. Only Graph reads calendars there now."
    left = days_left(today)
    end = f"ends it for good on 1 April 2027, in {_days(left)}"
    if today >= BLOCKED_FROM:
        return f"Exchange Online blocks EWS by default since 1 October 2026, and {end}."
    blocked = _days((BLOCKED_FROM - today).days)
    return f"Exchange Online blocks EWS by default from 1 October 2026, in {blocked}, and {end}."


def _milestone(day: date, title: str, text: str, today: date) -> Milestone:
    left = (day - today).days
    return Milestone(day, title, max(0, left), _when(left), text)


def _when(left: int) -> str:
    if not left:
        return "today"
    return f"in {_days(left)}" if left > 0 else f"{_days(-left)} ago"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"
