"""Account Management: who was asked at single sign-on, the last time of each, and what came of it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, JSONField, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import audit
from accounts.cascade.declare import setting_of
from accounts.doors import number_in
from accounts.models import Account, Group, IdentityProvider, SettingDecision, User
from accounts.openings import Caution
from integrations.models import Answer
from integrations.preferences import Integrations, ServicePolicy, SsoPrompt
from integrations.prompt_answers import Past, mode_in_words, newest_of_each, past
from integrations.prompt_rules import may_agree

EXPORTED = audit.declare(
    "calendar_prompts.exported", "{actor} downloaded the list of who was asked to integrate the calendar."
)
SERVICES = setting_of(Integrations, "services")
LONGEST = 200
HEADER = ("Person", "E-mail", "Asked", "By which setting", "Answer", "Why not", "Answered", "To be asked again since")
# As an address carries them.
ANSWERS: dict[str, tuple[str, tuple[Answer, ...]]] = {
    "connected": ("Connected", (Answer.CONNECTED,)),
    "refused": ("Refused", (Answer.DECLINED, Answer.REFUSED)),
    "failed": ("Failed", (Answer.FAILED,)),
    "open": ("No answer yet", (Answer.NONE, Answer.AT_MICROSOFT)),
}


@dataclass(frozen=True)
class Chosen:
    q: str = ""
    # Of ANSWERS.
    answer: str = ""
    # The key of a group.
    group: str = ""

    @property
    def fields(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("q", "answer", "group") if getattr(self, name)}

    @property
    def query(self) -> str:
        return f"?{urlencode(self.fields)}"


@dataclass(frozen=True)
class Counts:
    """Of people, the last time of each that counts."""

    asked: int = 0
    connected: int = 0
    refused: int = 0
    failed: int = 0
    # Who is to be asked again, and was not yet.
    reset: int = 0


@dataclass(frozen=True)
class Line:
    person: User
    past: Past
    mode: str


def read(sent: Mapping[str, str], groups: Iterable[Group]) -> Chosen:
    """From an address: there nonsense filters nothing."""
    q = sent.get("q", "").strip()[:LONGEST]
    return Chosen(
        q="" if "\x00" in q else q,
        answer=_one_of(sent.get("answer", ""), ANSWERS),
        group=next((str(one.pk) for one in groups if one.pk == number_in(sent.get("group", ""))), ""),
    )


def apply(chosen: Chosen, account: Account) -> QuerySet[Any]:
    """The newest first."""
    found = newest_of_each(account).select_related("user").order_by("-asked_at", "-pk")
    for word in chosen.q.split():
        found = found.filter(Q(user__name__icontains=word) | Q(user__email__icontains=word))
    if chosen.answer:
        found = found.filter(became__in=ANSWERS[chosen.answer][1])
    if chosen.group:
        found = found.filter(user__memberships__group=int(chosen.group))
    return found


def lines(found: Iterable[Any]) -> Iterator[Line]:
    return (Line(prompt.user, past(prompt), mode_in_words(prompt.mode)) for prompt in found)


def export(chosen: Chosen, *, actor: User, now: datetime, zone: tzinfo) -> Iterator[list[object]]:
    """Beneath HEADER. That it left the portal is an entry in the audit log."""
    audit.record(EXPORTED, account=actor.account, actor=actor, on=actor.account, now=now)
    return (_row(line, zone) for line in lines(apply(chosen, actor.account).iterator(chunk_size=2000)))


def counts(account: Account) -> Counts:
    """One query."""
    found = newest_of_each(account).order_by().values("became")
    counted = list(found.annotate(number=Count("pk", filter=Q(reset_at=None)), of=Count("pk")))
    numbers = {row["became"]: row["number"] for row in counted}
    asked = sum(numbers.values())
    of = {name: sum(numbers.get(answer, 0) for answer in answers) for name, (_, answers) in ANSWERS.items()}
    reset = sum(row["of"] for row in counted) - asked
    return Counts(asked, of["connected"], of["refused"], of["failed"], reset)


def on_row(account: Account) -> SafeString:
    """Under the setting, at the account. One query."""
    found = counts(account)
    if not found.asked:
        link = '<a href="{}">Nobody asked</a> since the last reset.'
        return format_html(link, reverse("calendar_prompts")) if found.reset else SafeString("")
    people = "1 person" if found.asked == 1 else f"{found.asked:,} people"
    return format_html(
        '<a href="{}">{} asked</a>: {} connected, {} refused, {} failed.',
        reverse("calendar_prompts"),
        people,
        f"{found.connected:,}",
        f"{found.refused:,}",
        f"{found.failed:,}",
    )


def caution(account: Account, value: Any, *, reader: User, today: date) -> Caution | None:
    """Where nobody would be asked, whatever the setting says. One query, unless it is off."""
    if value is SsoPrompt.OFF:
        return None
    is_on, services = _standing(account)
    if not is_on:
        link = _for(reader, "single_sign_on", "Set it up")
        return Caution("Nobody signs in by single sign-on yet.", "Nobody is asked before it is turned on.", *link)
    if not may_agree(Integrations(services=services)):
        return Caution(
            "People do not connect Office 365 themselves.",
            "Under “Services and permissions” the account has not chosen Office 365 by OAuth, and only then people are "
            "asked.",
        )
    return None


def _standing(account: Account) -> tuple[bool, ServicePolicy]:
    """Whether an identity provider is on, and what the account says of services. One query."""
    providers = IdentityProvider.objects.filter(account=OuterRef("pk"), is_on=True)
    decided = SettingDecision.objects.filter(account=OuterRef("pk"), key=SERVICES.key).values("value")
    found = Account.objects.filter(pk=account.pk).values_list(
        Exists(providers), Subquery(decided[:1], output_field=JSONField())
    )
    is_on, raw = found[0]
    return is_on, SERVICES.default if raw is None else SERVICES.from_json(raw)


def _row(line: Line, zone: tzinfo) -> list[object]:
    prompt = line.past.prompt
    return [
        line.person.name,
        line.person.email,
        _moment(prompt.asked_at, zone),
        line.mode,
        line.past.answer,
        line.past.because,
        _moment(line.past.answered_at, zone),
        _moment(prompt.reset_at, zone),
    ]


def _moment(moment: datetime | None, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" if moment else ""


def _for(reader: User, url_name: str, link: str) -> tuple[str, str]:
    """The link is for those who may open it."""
    return (reverse(url_name), link) if reader.is_account_admin else ("", "")


def _one_of(sent: str, words: Container[str]) -> str:
    return sent if sent in words else ""
