"""A test as its page shows it: the steps, how far it is, and what is waited for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accounts.models import User
from integrations.models import Trial
from integrations.trials.model import Mark, Name, Step
from integrations.trials.steps import ended, steps

SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered
_ICONS = {Mark.DONE: "check", Mark.FAILED: "close", Mark.SKIPPED: "ring", Mark.NOW: "turn", Mark.NEXT: "ring"}
_SAID = {
    Mark.DONE: "Passed",
    Mark.FAILED: "Failed",
    Mark.SKIPPED: "Not needed",
    Mark.NOW: "Waited for",
    Mark.NEXT: "Not yet",
}
_OF_A_WORKER = (Name.SERVER, Name.SIGN_IN, Name.CREDENTIAL)


@dataclass(frozen=True)
class Line:
    step: Step
    icon: str
    said: str
    # “0.3 s”; empty where nobody measured.
    took: str


@dataclass(frozen=True)
class Outcome:
    word: str
    # Of the badge.
    kind: str
    icon: str
    says: str = ""


@dataclass(frozen=True)
class Progress:
    lines: tuple[Line, ...]
    outcome: Outcome
    # The person was connected before the test, and has not gone the way since.
    is_connected_before: bool
    # The person has nothing to press.
    is_by_organization: bool
    # At a server of the organization's own, and not at Microsoft.
    is_at_server: bool
    is_silent: bool


def progress(trial: Trial, *, reader: User, now: datetime) -> Progress:
    """A constant number of queries; of one that has ended none."""
    found = steps(trial, reader=reader, now=now)
    of = {step.name: step.mark for step in found}
    waited = any(of.get(name) is Mark.NOW for name in _OF_A_WORKER)
    return Progress(
        lines=tuple(Line(step, _ICONS[step.mark], _SAID[step.mark], _seconds(step.took)) for step in found),
        outcome=_outcome(trial, found),
        is_connected_before=of.get(Name.WENT) is Mark.SKIPPED,
        is_by_organization=Name.AUTHORIZED in of,
        is_at_server=Name.SERVER in of,
        is_silent=waited and trial.checked_at is None and now - trial.began_at > SILENCE,
    )


def outcome(trial: Trial) -> Outcome:
    """For a list: of one that is under way no more than that. No query."""
    return _outcome(trial, ended(trial)) if trial.ended_at else _UNDER_WAY


_UNDER_WAY = Outcome("Under way", "info", "clock")


def _outcome(trial: Trial, found: list[Step]) -> Outcome:
    says = _says(found)
    if any(step.mark is Mark.FAILED for step in found):
        return Outcome("Failed", "bad", "close", says)
    if found and all(step.mark in (Mark.DONE, Mark.SKIPPED) for step in found):
        return Outcome("Passed", "good", "check", says)
    return Outcome("Not finished", "plain", "ring", says) if trial.ended_at else replace(_UNDER_WAY, says=says)


def _says(found: list[Step]) -> str:
    passed = sum(step.mark is Mark.DONE for step in found)
    says = f"{passed} of {len(found)} steps have passed."
    failed = next((step for step in found if step.mark is Mark.FAILED), None)
    if failed:
        return f"{says} The first that failed: {failed.says}."
    waited = next((step for step in found if step.mark is Mark.NOW), None)
    return f"{says} Waited for: {waited.says}." if waited else says


def _seconds(took: int | None) -> str:
    return "" if took is None else f"{took / 1000:.1f} s"
