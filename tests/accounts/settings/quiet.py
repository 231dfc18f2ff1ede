"""A page of settings that harm nobody, one of each kind; the product's own are mostly consequential."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.cascade.declare import ACCOUNT_AND_GROUP, BadValue, Level, Option, Page, Section, part, setting

QUIET = Page("quiet", "Quiet things")


class Digest(StrEnum):
    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"
    HOURLY = "hourly"


DIGESTS = (
    Option(Digest.NEVER, "Never"),
    Option(Digest.DAILY, "Every day", help="Before breakfast."),
    Option(Digest.WEEKLY, "Every week"),
    Option(Digest.HOURLY, "Every hour", offered=False),
)


@dataclass(frozen=True)
class Signature:
    has_logo: bool = part(default=True, label="With the logo")
    words: tuple[str, ...] = part(default=(), label="Closing words", most=3)

    def __post_init__(self) -> None:
        if not self.has_logo and not self.words:
            raise BadValue("Without the logo there must be words.", part="words")


class Quiet(Section, prefix="quiet", title="Peace", page=QUIET):
    reminders: bool = setting(default=True, label="Remind people of what they forgot", help="By a small bell.")
    digest: Digest = setting(
        default=Digest.DAILY,
        label="Send a summary of the day",
        help="One e-mail at most.",
        options=DIGESTS,
        say=lambda digest: next(option.label for option in DIGESTS if option.value == digest),
    )
    snooze: int = setting(
        default=5,
        label="Minutes until the bell rings again",
        help="From 1 to 60.",
        say=lambda minutes: f"{minutes} minutes",
        least=1,
        most=60,
    )
    signature: Signature = setting(
        default=Signature(),
        levels=ACCOUNT_AND_GROUP,
        label="Signature below each letter",
        say=lambda signature: "With the logo" if signature.has_logo else "Without the logo",
    )
    bells: int = setting(
        default=1, levels=(Level.ACCOUNT,), label="Bells in the house", say=lambda bells: f"{bells}", least=0, most=9
    )
    ghosts: bool = setting(default=False, label="Not there yet", offered=False)
