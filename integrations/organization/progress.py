"""How far an authorization has come, in words for its pages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from integrations.failures import Reason
from integrations.models import LinkRequest, LinkStep
from integrations.organization import endings, needs, trips
from integrations.organization.endings import Ending, Told
from integrations.preferences import Api

SILENCE = timedelta(seconds=30)  # after which a page says that no worker has answered

_STEPS = (
    (LinkStep.CONSENTED, "Microsoft says that an admin has consented"),
    (LinkStep.ANSWERED, "The admin has signed in"),
    (LinkStep.IDENTIFIED, "It is somebody of the organization who may consent"),
    (LinkStep.PROVED, "Microsoft confirms the consent and the domain"),
    (LinkStep.DONE, "The organization is linked"),
)
_ORDER = list(LinkStep)
_NOTHING = "Nothing has changed in Meridian."
_AT_MICROSOFT = (
    "If a consent was given at Microsoft, it stays there: an admin removes it in the Microsoft Entra admin center, "
    "under Enterprise applications."
)
# Microsoft's answers in the place of a consent.
_WITHOUT_CONSENT = frozenset({Reason.DECLINED, Reason.ADMIN_APPROVAL})


class Stage(StrEnum):
    READY = "ready"
    AWAY = "away"
    CHECKING = "checking"
    DONE = "done"
    ENDED = "ended"


@dataclass(frozen=True)
class Line:
    """`state`: done, now or next."""

    words: str
    state: str

    @property
    def icon(self) -> str:
        return {"done": "check", "now": "turn", "next": "ring"}[self.state]


@dataclass(frozen=True)
class Trip:
    request: LinkRequest
    stage: Stage
    lines: tuple[Line, ...]
    # Why nothing came of it, this time or at all.
    why: Told | None
    # Microsoft does not know everywhere yet what it was told.
    is_spreading: bool
    # Passing trouble, in a sentence without its full stop.
    trouble: str
    is_silent: bool

    @property
    def may_cancel(self) -> bool:
        """Of one that is not linked yet; see `trips.stop`."""
        return self.request.link_id is None

    @property
    def what_stays(self) -> str:
        return what_stays(self.request)

    @property
    def done(self) -> int:
        return sum(line.state == "done" for line in self.lines)

    @property
    def is_under_way(self) -> bool:
        return self.stage in (Stage.AWAY, Stage.CHECKING)

    @property
    def follows(self) -> str:
        """What comes of the link now."""
        if self.request.not_saved:
            return "It is used as soon as the settings are saved."
        saved = "The settings are saved. " if "change" in self.request.confirmed else ""
        return f"{saved}Everybody who is covered is looked up at Microsoft and connected, without a step of their own."

    @property
    def permissions(self) -> list[needs.Permission]:
        names = needs.REGISTERED_FOR_EWS if self.is_by_ews else needs.REGISTERED
        return [needs.about(name) for name in sorted(names)]

    @property
    def is_by_ews(self) -> bool:
        return self.request.api == Api.EWS


def what_stays(request: LinkRequest) -> str:
    """Where nothing came of it: it was for nothing here, and maybe not at Microsoft."""
    return f"{_NOTHING} {_AT_MICROSOFT}" if _may_have_consented(request) else _NOTHING


def of(request: LinkRequest, *, now: datetime) -> Trip:
    stage = _stage(request, now=now)
    is_checking = stage is Stage.CHECKING
    is_spreading = is_checking and request.reason in (Reason.APP_REMOVED, Ending.NO_PERMISSIONS)
    asked_again = request.claimed_until or request.not_before or request.answered_at
    return Trip(
        request=request,
        stage=stage,
        lines=tuple(_lines(request)),
        why=_why(request, stage),
        is_spreading=is_spreading,
        trouble=endings.in_words(request.reason) if is_checking and request.reason and not is_spreading else "",
        is_silent=is_checking and asked_again is not None and now - asked_again > SILENCE,
    )


def _may_have_consented(request: LinkRequest) -> bool:
    """Somebody was sent to Microsoft, which has not answered that there is no consent."""
    if request.reason:
        return request.reason not in _WITHOUT_CONSENT
    return request.step != LinkStep.MADE


def _stage(request: LinkRequest, *, now: datetime) -> Stage:
    if request.step == LinkStep.DONE:
        return Stage.DONE
    if request.step == LinkStep.FAILED:
        return Stage.ENDED
    if request.step not in trips.OPEN:
        return Stage.CHECKING
    if request.expires_at <= now:
        return Stage.ENDED
    return Stage.READY if request.step == LinkStep.MADE else Stage.AWAY


def _why(request: LinkRequest, stage: Stage) -> Told | None:
    if stage is Stage.ENDED:
        return endings.told(request.reason if request.step == LinkStep.FAILED else Ending.EXPIRED)
    return endings.told(request.reason) if stage is Stage.READY and request.reason else None


def _lines(request: LinkRequest) -> list[Line]:
    reached = _ORDER.index(LinkStep(request.step))
    made, is_now = [], True
    for step, words in _STEPS:
        is_done = reached >= _ORDER.index(step)
        made.append(Line(words, "done" if is_done else "now" if is_now else "next"))
        is_now = is_done
    return made
