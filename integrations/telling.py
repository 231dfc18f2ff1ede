"""What people are told by e-mail of their own connection. Once for each incident, in the transaction that makes it so.

Passing trouble and trouble of our own are never told: they go by themselves, and there is nothing a person could do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts import letters
from accounts.cascade import querying
from accounts.cascade.declare import setting_of
from accounts.cascade.facts import Held
from accounts.letters import Draft
from accounts.models import Account, Letter, SettingDecision, User
from accounts.sign_in.middleware import zone_of
from integrations import health
from integrations.models import ALIVE, AwaitedApproval, Connection, State
from integrations.policy import Obstacle
from integrations.preferences import Integrations, Method

REMIND_AGAIN_AFTER = timedelta(days=1)
# Where a reminder says something that its reader can do.
REMINDABLE = (State.NEEDS_REAUTH, State.NOT_ELIGIBLE)


def lost(connection: Connection, *, now: datetime) -> int:
    """Microsoft no longer accepts the access to it: the person is told, if alerts are on for them."""
    return lost_many([connection], now=now)


def lost_many(connections: Iterable[Connection], *, now: datetime) -> int:
    found = _as_they_are(connections).filter(state=State.NEEDS_REAUTH)
    by_account = defaultdict[Account, list[Connection]](list)
    for connection in found.select_related("user__account"):
        by_account[connection.user.account].append(connection)
    return sum(_post_lost(account, some, now=now) for account, some in by_account.items())


def blocked(
    connections: Collection[Connection],
    obstacle: Obstacle,
    holding: Mapping[int, Held[Integrations]],
    *,
    now: datetime,
) -> int:
    """The settings no longer allow them, since `now`: until when their access is kept, or that it was forgotten at
    once. Who turned it off for themselves is not told. `connections` come with their people."""
    is_own = {one.user_id for one in connections if "enabled" not in holding[one.user_id].locked}
    own = _own_choices(is_own) if obstacle is Obstacle.TURNED_OFF else {}
    told = [one for one in connections if one.user.is_active and own.get(one.user_id) != one.user_id]
    return letters.post((_of_block(one, obstacle, holding[one.user_id], own, now=now) for one in told), now=now)


def released(connections: Collection[Connection], *, now: datetime) -> int:
    """The settings allow them again. `connections`: with their people, as they were while they were blocked. Who was
    not told yet that it was blocked is not told at all."""
    about = {incident(one.pk, State.BLOCKED_BY_POLICY, one.since_at): one for one in connections}
    written = Letter.objects.filter(kind=BLOCKED, person__in={one.user_id for one in connections}, incident__in=about)
    known = written.filter(Q(sent_at__isnull=False) | Q(claimed_until__gt=now)).values_list("incident", flat=True)
    told = {key: about[key] for key in known if about[key].user.is_active}
    letters.drop([BLOCKED], {one.user_id for one in connections}, now=now)
    return letters.post((_draft(RELEASED, one, key) for key, one in told.items()), now=now)


def approved(people: Iterable[User], *, now: datetime) -> int:
    """An administrator at Microsoft has consented for those who waited: one step is left, which is theirs."""
    waited = AwaitedApproval.objects.filter(user__in=people, user__is_active=True, released_at__isnull=False)
    return letters.post((_of_approval(one) for one in waited.select_related("user").iterator()), now=now)


def remind(connections: Iterable[Connection], *, by: User, now: datetime) -> set[int]:
    """An admin asks their people to act. Answers which were written to: not who was reminded within a day, has left,
    or has nothing to act on."""
    found = _as_they_are(connections).filter(state__in=REMINDABLE, user__is_active=True)
    found = found.exclude(method=Method.APPLICATION_PERMISSIONS.value).select_related("user")
    asked = {incident(one.pk, one.state, one.since_at): one for one in found}
    earlier = _reminders(asked.values())
    fresh = {
        # Numbered, so that of two admins who press at once one only is heard.
        f"{key}:{len(earlier[key]) + 1}": one
        for key, one in asked.items()
        if not earlier[key] or now - max(earlier[key]) >= REMIND_AGAIN_AFTER
    }
    letters.post((_draft(REMINDER, one, key, by=by) for key, one in fresh.items()), now=now)
    return {one.pk for one in fresh.values()}


def is_remindable(connection: Connection) -> bool:
    """Of one by the organization its person has nothing to do."""
    return connection.state in REMINDABLE and not connection.is_by_organization


def incident(pk: int, state: str, since_at: datetime) -> str:
    """A connection in one state, for as long as it is in it."""
    return f"{pk}:{State(state).value}:{since_at.isoformat()}"


# ── What is still so when a letter is about to go ───────────────────────────
def _still_there(letter: Letter) -> bool:
    pk, state, since = letter.incident.split(":", 2)
    moment = datetime.fromisoformat(since)
    return Connection.objects.filter(pk=pk, state=state, since_at=moment).exists()


def _still_to_do(letter: Letter) -> bool:
    return _still_there(Letter(incident=letter.incident.rpartition(":")[0]))


def _still_works(letter: Letter) -> bool:
    return Connection.objects.filter(pk=letter.incident.partition(":")[0], state__in=ALIVE).exists()


def _still_waits(letter: Letter) -> bool:
    moment = datetime.fromisoformat(letter.incident.partition(":")[2])
    return AwaitedApproval.objects.filter(user=letter.person_id, since_at=moment, released_at__isnull=False).exists()


LOST = letters.declare("calendar.lost", still_holds=_still_there)
BLOCKED = letters.declare("calendar.blocked", still_holds=_still_there)
ENDED = letters.declare("calendar.ended", still_holds=_still_there)
RELEASED = letters.declare("calendar.released", still_holds=_still_works)
APPROVED = letters.declare("calendar.approved", still_holds=_still_waits)
REMINDER = letters.declare("calendar.reminder", still_holds=_still_to_do)

_SUBJECTS = {
    LOST: "Reconnect your calendar to Meridian",
    BLOCKED: "Meridian has stopped using your calendar",
    ENDED: "Meridian has stopped using your calendar",
    RELEASED: "Meridian uses your calendar again",
    APPROVED: "One step is left to connect your calendar",
    REMINDER: "Reminder: reconnect your calendar to Meridian",
}
# The one link of each: a page that says how it stands, and has the button that helps.
_LEADS_TO = {LOST: "reconnect", REMINDER: "reconnect"}


def _post_lost(account: Account, connections: list[Connection], *, now: datetime) -> int:
    concerned: Any = User.objects.filter(pk__in=[one.user_id for one in connections], is_active=True)
    wanted = querying.holding(concerned, setting_of(Integrations, "expiry_alerts"), True, account=account)
    told = set(wanted.values_list("pk", flat=True))
    drafts = (_draft(LOST, one, _of(one)) for one in connections if one.user_id in told)
    return letters.post(drafts, now=now)


def _of_block(
    connection: Connection, obstacle: Obstacle, held: Held[Integrations], own: Collection[int], *, now: datetime
) -> Draft:
    says = health.of_obstacle(obstacle, held.values.domains, is_own=connection.user_id in own)
    if not held.values.grace:
        key = incident(connection.pk, State.DISCONNECTED, now)
        return _draft(ENDED, connection, key, says=says, mends=_mends(connection, obstacle))
    kept_until = _moment(now + timedelta(days=held.values.grace), connection.user)
    key = incident(connection.pk, State.BLOCKED_BY_POLICY, now)
    return _draft(BLOCKED, connection, key, says=says, kept_until=kept_until, mends=_mends(connection, obstacle))


def _mends(connection: Connection, obstacle: Obstacle) -> str:
    """Of what the organization carried, a person can do one thing only: sign in, where that is the way now."""
    if connection.is_by_organization and obstacle is not Obstacle.SET_UP_BY_PEOPLE:
        return ""
    return health.of_mending(obstacle)


def _of_approval(awaited: AwaitedApproval) -> Draft:
    person = awaited.user
    text = _text(APPROVED, person)
    return Draft(person, APPROVED, f"approval:{awaited.since_at.isoformat()}", _SUBJECTS[APPROVED], text)


def _draft(kind: str, connection: Connection, key: str, **more: Any) -> Draft:
    person = connection.user
    words = health.of_connection(connection)
    text = _text(kind, person, connection=connection, **{"says": words.says if words else "", **more})
    return Draft(person, kind, key, _SUBJECTS[kind], text)


def _text(kind: str, person: User, **words: Any) -> str:
    link = settings.PUBLIC_URL + reverse(_LEADS_TO.get(kind, "profile"))
    name = kind.rpartition(".")[2]
    return render_to_string(f"integrations/letters/{name}.txt", {"person": person, "link": link, **words})


def _as_they_are(connections: Iterable[Connection]) -> Any:
    """Read anew: whoever tells has often just written to the database past the object."""
    ids = [one.pk for one in connections]
    return Connection.objects.filter(pk__in=ids).defer("refresh_token", "access_token").order_by("pk")


def _of(connection: Connection) -> str:
    return incident(connection.pk, connection.state, connection.since_at)


def _own_choices(people: Collection[int]) -> dict[int, int | None]:
    """By person, who turned the integration off for them alone."""
    chosen = SettingDecision.objects.filter(user__in=people, key=setting_of(Integrations, "enabled").key, value=False)
    return dict(chosen.values_list("user", "decided_by"))


def _reminders(connections: Iterable[Connection]) -> Mapping[str, list[datetime]]:
    """By incident, when somebody was reminded of it."""
    found = defaultdict[str, list[datetime]](list)
    written = Letter.objects.filter(kind=REMINDER, person__in=[one.user_id for one in connections])
    for key, moment in written.values_list("incident", "created_at"):
        found[key.rpartition(":")[0]].append(moment)
    return found


def _moment(moment: datetime, person: User) -> str:
    local = timezone.localtime(moment, zone_of(person.time_zone))
    return f"{local.day} {local:%B %Y} at {local:%H:%M} ({person.time_zone})"
