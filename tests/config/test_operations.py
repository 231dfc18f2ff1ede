"""*Operations*: for those who run the installation; true, without names, and at hand when everything else is not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from accounts import importing, jobs
from accounts.models import AssociatedDomain, Letter, User
from config import heartbeats, operations
from integrations import credential_checks, credentials, states
from integrations.failures import Failure, Outcome, Reason
from integrations.microsoft import app_credentials, msal_apps
from integrations.models import (
    AppCredential,
    Connection,
    ConsentRequest,
    ExchangeServer,
    Incident,
    LinkRequest,
    LinkState,
    State,
)
from integrations.preferences import Method
from tests.cast import Cast, ClientOf, joined
from tests.integrations.authorized import authorized
from tests.integrations.served import served, tied_to

pytestmark = pytest.mark.django_db

SECOND = "the-second-secret-of-the-same-application"


@pytest.fixture
def operator(cast: Cast, settings: Any) -> User:
    """A member of the account, who also runs the installation."""
    settings.OPERATOR_EMAILS = ["somebody@meridian.example", "Ops@Kestrel.example"]
    return joined(cast.kestrel, name="Olga", email="ops@kestrel.example")


@pytest.fixture
def reader(operator: User, client_of: ClientOf) -> Client:
    msal_apps.forget()
    return client_of(operator)


def text(reader: Client, **headers: str) -> str:
    answer = reader.get(reverse("operations"), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


# ── Who ─────────────────────────────────────────────────────────────────────
def test_an_address_that_is_not_proved_opens_nothing(operator: User, client_of: ClientOf) -> None:
    EmailAddress.objects.filter(user=operator).update(verified=False)

    assert client_of(operator).get(reverse("operations")).status_code == 404


def test_only_operators_are_shown_the_way(reader: Client, cast: Cast, client_of: ClientOf) -> None:
    own, owners = reader.get(reverse("profile")), client_of(cast.dana).get(reverse("profile"))

    link = f'href="{reverse("operations")}"'
    assert (link in own.content.decode(), link in owners.content.decode()) == (True, False)


# ── What ────────────────────────────────────────────────────────────────────
def test_it_names_nobody(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    Connection.objects.create(user=cast.alice, state=State.CONNECTED, since_at=now, address="alice@kestrel.example")
    jobs.start(
        cast.kestrel,
        kind=importing.KIND,
        title="List of Alice",
        rows=[],
        back="/",
        by=cast.dana,
        group=cast.sales,
        now=now,
    )

    shown = text(reader)

    for person in (cast.alice, cast.dana, cast.gus):
        assert person.email not in shown
    assert "List of Alice" not in shown


def test_it_shows_no_secret(reader: Client, settings: Any) -> None:
    assert settings.MICROSOFT_CLIENT_SECRET not in text(reader)
    assert app_credentials.of_environment()[0].fingerprint not in text(reader)


def test_each_credential_with_its_end_and_how_microsoft_answered(reader: Client, settings: Any) -> None:
    now = timezone.now()
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES_2 = now + timedelta(days=12)
    first, second = app_credentials.of_environment()
    credentials.register(second, now=now)
    AppCredential.objects.create(
        fingerprint=first.fingerprint,
        name=first.name,
        seen_at=now,
        accepted_at=now - timedelta(days=1),
        refused_at=now,
        reason=Reason.CREDENTIAL_EXPIRED,
        code="AADSTS7000222",
        trace_id="a-trace-id",
    )

    shown = text(reader)

    assert "The client secret has expired" in shown
    assert "AADSTS7000222, trace id a-trace-id" in shown
    assert "in 12 days" in shown
    assert "Ends soon" in shown
    assert "Microsoft accepts none" not in shown


def test_where_none_is_accepted_it_says_what_stands_still(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    [only] = app_credentials.of_environment()
    AppCredential.objects.create(fingerprint=only.fingerprint, name=only.name, seen_at=now, refused_at=now)
    for person, state in ((cast.alice, State.PAUSED), (cast.bob, State.PAUSED), (cast.gus, State.CONNECTED)):
        Connection.objects.create(user=person, state=state, since_at=now, reason=Reason.CREDENTIAL_WRONG)

    shown = text(reader)

    assert "Microsoft accepts none of the portal’s own credentials." in shown
    assert "2 connections are paused" in shown


def test_one_that_another_process_uses_is_shown_and_one_long_gone_is_not(reader: Client) -> None:
    now = timezone.now()
    for name, ago in (("MICROSOFT_CLIENT_CERTIFICATE_2", 1), ("MICROSOFT_CLIENT_SECRET_2", 60)):
        AppCredential.objects.create(fingerprint=name, name=name, seen_at=now - timedelta(minutes=ago))

    shown = text(reader)

    assert ("MICROSOFT_CLIENT_CERTIFICATE_2" in shown, "MICROSOFT_CLIENT_SECRET_2" in shown) == (True, False)


def test_check_now_asks_a_worker_and_says_that_it_is_under_way(reader: Client) -> None:
    answer = reader.post(reverse("operations_check"))

    assert answer.headers["Location"] == reverse("operations")
    assert "Being tried" in text(reader)
    assert "every 2s" in text(reader)
    credential_checks.check_wanted(now=timezone.now())
    assert "Being tried" not in text(reader)


def test_what_waits_too_long_is_late_and_what_microsoft_asked_to_wait_is_not(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    long_ago = now - timedelta(hours=3)
    Connection.objects.create(user=cast.alice, state=State.CONNECTED, since_at=now, refresh_due_at=long_ago)
    ConsentRequest.objects.create(
        user=cast.bob,
        state_digest="a",
        browser_digest="b",
        calendar_write=False,
        contacts_write=False,
        created_at=long_ago,
        expires_at=now,
        answered_at=long_ago,
        not_before=now + timedelta(minutes=5),
    )
    letter = {"account": cast.kestrel, "person": cast.bob, "subject": "s", "text": "t"}
    Letter.objects.create(**letter, kind="a", incident="1", created_at=now, attempts=3)

    work = {work.waiting.what: work for work in operations._standing(now=now).work}

    assert (work["Refreshes of access"].is_late, work["Refreshes of access"].since) == (True, "3 hours")
    assert not work["People on the way to a connection"].is_late
    assert work["People on the way to a connection"].waiting.note == "1 wait for Microsoft"
    assert (work["Letters to people"].is_late, work["Letters to people"].waiting.count) == (False, 1)
    assert "1 no mail server took yet" in text(reader)


def test_the_fleet_is_counted_over_all_accounts(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    Connection.objects.create(user=cast.alice, since_at=now, state=State.CONNECTED, refreshed_at=now)
    Connection.objects.create(user=cast.mallory, since_at=now, state=State.NEEDS_REAUTH, reason=Reason.LOST_IN_FLIGHT)
    Connection.objects.create(user=cast.bob, since_at=now, state=State.DEGRADED, lease_until=now - timedelta(minutes=1))
    Connection.objects.create(
        user=cast.gus, since_at=now, state=State.CONNECTED, lease_until=now + timedelta(minutes=1)
    )
    Incident.objects.create(
        account=cast.corvid, tenant_id="t", reason="no_answer", affected=7, connected=9, began_at=now
    )

    standing = operations._standing(now=now)

    assert standing.fleet.alive == 3
    assert (standing.fleet.refreshed, standing.fleet.in_flight, standing.fleet.overdue_leases) == (1, 1, 1)
    assert standing.fleet.lost_in_flight == 1
    assert (standing.incidents.count, standing.incidents.affected) == (1, 7)
    assert "1 incident is open" in text(reader)


# ── Signs of life ───────────────────────────────────────────────────────────
def test_without_a_worker_or_beat_it_says_so_and_what_to_do(reader: Client) -> None:
    shown = text(reader)

    assert "No worker for 30 seconds." in shown
    assert "celery -A config worker" in shown
    assert "Beat is silent." in shown


def test_who_lives_is_shown_by_name_and_who_fell_silent_too(reader: Client, redis_url: str) -> None:
    heartbeats.Heart("celery@quick", 8, lambda: (3, 120)).beat()
    heartbeats.BeatHeart().handed_over()
    silent = {"seen_at": (timezone.now() - timedelta(minutes=2)).isoformat(), "concurrency": 4, "busy": 0, "done": 9}
    with Redis.from_url(redis_url) as redis:
        redis.hset("meridian:heartbeats", "celery@silent", json.dumps(silent))
        redis.lpush("celery", "a task", "another")

    shown = text(reader)

    assert "3 of 8 tasks at work, 120 taken since it started" in shown
    assert "celery@silent" in shown
    assert "2 minutes ago" in shown
    assert "2 tasks wait in the queue" in shown
    assert "No worker" not in shown
    assert "Beat is silent" not in shown


def test_a_worker_that_ends_in_order_takes_its_sign_back(redis_url: str) -> None:
    heart = heartbeats.Heart("celery@here", 8, lambda: (0, 0))
    heart.beat()
    living = heartbeats.pulse(now=timezone.now()).workers

    heart.stop()

    assert [worker.name for worker in living] == ["celery@here"]
    assert heartbeats.pulse(now=timezone.now()).workers == ()


def test_a_heart_beats_by_itself_and_clears_away_who_never_came_back(redis_url: str) -> None:
    gone = {"seen_at": (timezone.now() - timedelta(hours=2)).isoformat(), "concurrency": 4, "busy": 0, "done": 9}
    with Redis.from_url(redis_url) as redis:
        redis.hset("meridian:heartbeats", "celery@gone", json.dumps(gone))
        heart = heartbeats.Heart("celery@here", 8, lambda: (0, 0))

        heart.start()
        while not redis.hexists("meridian:heartbeats", "celery@here"):
            pass
        names = set(redis.hkeys("meridian:heartbeats"))
        heart.stop()

    assert names == {b"celery@here"}


def test_without_redis_the_page_works_and_says_so(operator: User, client_of: ClientOf, settings: Any) -> None:
    settings.REDIS_URL = gone = "redis://127.0.0.1:9/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": gone}}

    shown = text(client_of(operator))

    assert "Redis does not answer." in shown
    assert "Work that is due" in shown


@pytest.mark.parametrize("span", range(0, 400000, 7919))
def test_a_span_in_words_never_says_more_than_it_is(span: int) -> None:
    number, unit = operations.for_how_long(timedelta(seconds=span)).split()

    size = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[unit.rstrip("s")]
    assert 0 <= span - int(number) * size < size
    assert unit.endswith("s") is (number != "1")


@pytest.mark.parametrize("reason", [Reason.REQUEST_REJECTED, Reason.KEY_MISSING])
def test_what_our_own_mistake_has_paused_is_said(reason: str, reader: Client, cast: Cast) -> None:
    now = timezone.now()
    Connection.objects.create(user=cast.alice, since_at=now, state=State.PAUSED, reason=reason)

    shown = text(reader)

    assert "1 connection is paused by a fault of our own." in shown
    assert "Microsoft accepts the portal" not in shown


def test_all_is_well_only_where_nothing_is_late_or_expired(reader: Client, cast: Cast, settings: Any) -> None:
    due = timezone.now() - timedelta(hours=2)
    Connection.objects.create(user=cast.alice, since_at=due, state=State.CONNECTED, refresh_due_at=due)
    settings.MICROSOFT_CLIENT_SECRET_2 = SECOND
    settings.MICROSOFT_CLIENT_SECRET_EXPIRES_2 = due

    troubles = [(one.title, one.kind) for one in operations._standing(now=timezone.now()).troubles]

    assert ("Some work is late.", "warn") in troubles
    assert ("MICROSOFT_CLIENT_SECRET_2: expired.", "warn") in troubles


def test_an_open_page_does_not_count_all_connections_each_time(reader: Client, cast: Cast) -> None:
    operations._standing(now=timezone.now(), is_poll=True)
    Connection.objects.create(user=cast.alice, since_at=timezone.now(), state=State.CONNECTED)

    polled, opened = (operations._standing(now=timezone.now(), is_poll=is_poll) for is_poll in (True, False))

    assert (polled.fleet.alive, opened.fleet.alive) == (0, 1)


# ── Its cost, and its fragment ──────────────────────────────────────────────
@pytest.mark.parametrize("people", [5, 500])
def test_it_costs_the_same_however_many_there_are(
    people: int, reader: Client, cast: Cast, django_assert_num_queries: Any
) -> None:
    now = timezone.now()
    made = User.objects.bulk_create(
        User(account=cast.kestrel, name=f"P{at}", email=f"p{at}@kestrel.example") for at in range(people)
    )
    Connection.objects.bulk_create(
        Connection(user=user, state=State.CONNECTED, since_at=now, refresh_due_at=now) for user in made
    )
    text(reader)

    with django_assert_num_queries(23):
        text(reader)
    with django_assert_num_queries(17):
        text(reader, HX_Request="true")


def test_asked_for_by_itself_it_is_the_part_that_changes(reader: Client) -> None:
    part = text(reader, HX_Request="true")

    assert part.lstrip().startswith('<div id="standing"')
    assert "<html" not in part
    assert 'hx-trigger="every 10s"' in part


def test_the_keys_are_counted_when_somebody_asks(reader: Client) -> None:
    answer = reader.get(reverse("operations"), {"count": "keys"})

    assert "Values it has sealed" in answer.content.decode()


def test_the_release_and_its_migrations(reader: Client) -> None:
    assert "no migration is pending" in text(reader)


# ── Application Permissions ─────────────────────────────────────────────────
def test_an_organization_in_trouble_is_counted_and_not_named(reader: Client, cast: Cast) -> None:
    since = timezone.now()
    authorized(cast.kestrel)
    authorized(cast.corvid, domains=["corvid.example"], state=LinkState.PAUSED, since_at=since)
    authorized(cast.corvid, tenant_id="another", state=LinkState.ENDED, ended_at=since)

    shown = text(reader)

    assert '<dt>Organizations authorized</dt><dd class="num">2</dd>' in shown
    assert '<dt>Organizations in trouble</dt><dd class="num">1</dd>' in shown
    assert "1 is in trouble since" in shown
    assert "corvid.example" not in shown and "kestrel.example" not in shown.replace("ops@kestrel.example", "")


@pytest.mark.parametrize("sweep", ["check_due_at", "follow_due_at", "probe_due_at"])
def test_an_organization_that_nobody_looks_at_is_late(sweep: str, reader: Client, cast: Cast) -> None:
    now = timezone.now()
    later = dict.fromkeys(("check_due_at", "follow_due_at", "probe_due_at"), now + timedelta(hours=1))
    authorized(cast.kestrel, **later | {sweep: now - timedelta(minutes=11)})

    work = {one.waiting.what: one for one in operations._standing(now=now).work}

    found = work["Organizations to look at again"]
    assert (found.waiting.count, found.is_late, found.since) == (1, True, "11 minutes")


def test_a_domain_and_an_authorization_that_wait_too_long_are_late(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    due = now - timedelta(minutes=21)
    AssociatedDomain.objects.create(
        account=cast.kestrel, name="kestrel.example", token="t", added_at=due, check_due_at=due
    )
    LinkRequest.objects.create(
        account=cast.kestrel,
        by=cast.dana,
        tenant_id="t",
        domain="kestrel.example",
        created_at=due,
        expires_at=now,
        answered_at=due,
    )

    late = {one.waiting.what for one in operations._standing(now=now).work if one.is_late}

    assert late == {"Associated domains to verify", "Authorizations of organizations to prove"}


# ── Exchange servers ────────────────────────────────────────────────────────
def test_exchange_servers_in_trouble_are_counted_and_late_looks_told(reader: Client, cast: Cast) -> None:
    now = timezone.now()
    server = served(cast.kestrel, cast.dana)
    tied_to(server, Method.PASSWORD, [cast.alice])
    served(cast.corvid, cast.mallory)  # nobody is connected there
    states.server_troubled(server, Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED), now=now)
    ExchangeServer.objects.filter(pk=server.pk).update(check_due_at=now - timedelta(hours=1))

    standing = operations._standing(now=now, is_poll=False)

    assert (standing.servers.count, standing.servers.in_trouble, standing.servers.troubled_since) == (1, 1, now)
    assert "Exchange servers to look at again" in {work.waiting.what for work in standing.work if work.is_late}
    assert "Exchange servers in trouble, of 1" in text(reader)
