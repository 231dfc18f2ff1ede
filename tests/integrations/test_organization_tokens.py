"""The one token of an organization: asked for once in its life, by whichever process is first, and used by all."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections as databases
from django.utils import timezone

from accounts import vault
from integrations import checking, resealing, states, tokens
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.microsoft import app_claims
from integrations.models import LinkState, State, TenantLink
from integrations.organization import link_checks, tenant_tokens
from tests.cast import Cast
from tests.integrations.linked import ROLES, again, at, carried, linked, standing
from tests.integrations.wired import asked, forget_microsoft
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture
def link(cast: Cast, microsoft: Simulator) -> TenantLink:
    return linked(cast.kestrel, microsoft)


def _times(microsoft: Simulator) -> int:
    return asked(microsoft, "client_credentials")


def test_it_is_sealed_for_its_row_and_says_what_was_granted(link: TenantLink) -> None:
    token = tenant_tokens.access_token(link, now=NOW())

    kept = again(link)
    assert token not in kept.access_token
    assert vault.open_sealed(kept.access_token, bound_to=vault.place_of(kept, "access_token")) == token
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(kept.access_token, bound_to=vault.place_of(TenantLink(pk=kept.pk + 1), "access_token"))
    assert (kept.roles, kept.token_version) == (sorted(ROLES), 1)
    claims = app_claims.read(token)
    assert (claims.tenant_id, claims.roles) == (link.tenant_id, tuple(sorted(ROLES)))


@pytest.mark.django_db(transaction=True)
def test_many_who_need_it_at_the_same_moment_ask_once(link: TenantLink, microsoft: Simulator) -> None:
    got, start = [], threading.Barrier(8)

    def need() -> None:
        try:
            mine = again(link)
            start.wait()
            got.append(tenant_tokens.access_token(mine, now=NOW()))
        finally:
            databases.close_all()

    threads = [threading.Thread(target=need) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 8
    assert len(set(got)) == 1
    assert _times(microsoft) == 1


def test_within_its_life_no_other_is_asked_for(link: TenantLink, cast: Cast, microsoft: Simulator) -> None:
    people = carried(link, [cast.alice, cast.bob], microsoft)
    unread = again(link)  # as a process that read the link before there was a token
    tenant_tokens.access_token(link, now=NOW())

    tenant_tokens.access_token(unread, now=NOW())
    for minutes in range(0, 40, 5):
        forget_microsoft()
        link_checks.check_link(link.pk, now=NOW() + timedelta(minutes=minutes))
        for one in people:
            checking.check(one.pk, now=NOW() + timedelta(minutes=minutes))

    assert _times(microsoft) == 1


def test_the_sweep_renews_it_before_anybody_has_to_wait(link: TenantLink, microsoft: Simulator) -> None:
    tenant_tokens.access_token(link, now=NOW())
    ends_at = NOW() + timedelta(minutes=40)
    TenantLink.objects.filter(pk=link.pk).update(access_expires_at=ends_at, check_due_at=NOW())
    last = NOW()

    while last < ends_at - tenant_tokens.RENEWED_BEFORE:  # the sweep, each time a check is due
        link_checks.check_links(now=last)
        last = again(link).check_due_at or last
    assert _times(microsoft) == 1
    assert last < ends_at - tokens.EARLY, "pages still use the old one"
    link_checks.check_links(now=last)

    assert _times(microsoft) == 2
    assert again(link).access_expires_at != ends_at


def test_where_tokens_are_short_lived_each_still_lives_its_life(link: TenantLink, microsoft: Simulator) -> None:
    now = NOW()
    tenant_tokens.access_token(link, now=now)
    ends_at = now + timedelta(minutes=10)  # the shortest that an organization can choose
    TenantLink.objects.filter(pk=link.pk).update(access_expires_at=ends_at, roles_at=now)

    for seconds in range(0, 300, 30):
        link_checks.check_link(link.pk, now=now + timedelta(seconds=seconds))
    assert _times(microsoft) == 1
    link_checks.check_link(link.pk, now=ends_at - tokens.EARLY + timedelta(seconds=1))

    assert _times(microsoft) == 2


def test_other_roles_than_before_are_followed_at_once(link: TenantLink, microsoft: Simulator) -> None:
    tenant_tokens.access_token(link, now=NOW())
    later = NOW() + timedelta(days=1)
    TenantLink.objects.filter(pk=link.pk).update(follow_due_at=later)

    tenant_tokens.renewed(again(link), now=NOW(), anew=True)
    assert again(link).follow_due_at == later, "the same as before"
    at(microsoft, "remove-roles", roles=["User.Read.All"])
    tenant_tokens.renewed(again(link), now=NOW(), anew=True)

    followed_at = again(link).follow_due_at
    assert followed_at is not None
    assert followed_at <= NOW()
    assert again(link).roles == ["Calendars.ReadWrite"]


def test_a_worker_that_died_over_it_keeps_nobody_waiting_for_long(link: TenantLink, microsoft: Simulator) -> None:
    until = NOW() + tokens.LEASE
    TenantLink.objects.filter(pk=link.pk).update(lease_until=until, lease_holder="5a1e0c7d3b644f0e9d520c8e7b6a5f40")

    with pytest.raises(tenant_tokens.Busy):
        tenant_tokens.access_token(again(link), now=NOW())
    assert tenant_tokens.access_token(again(link), now=until)

    assert again(link).lease_until is None


def test_what_was_refused_is_forgotten_but_not_what_came_after_it(link: TenantLink) -> None:
    tenant_tokens.access_token(link, now=NOW())
    old = again(link)
    new = tenant_tokens.renewed(again(link), now=NOW(), anew=True)

    tenant_tokens.forget(old)

    assert tenant_tokens.held(again(link), now=NOW()) == new


def test_a_late_no_to_an_old_token_changes_nothing(link: TenantLink, cast: Cast, microsoft: Simulator) -> None:
    [alice] = carried(link, [cast.alice], microsoft)
    old = again(link)
    tenant_tokens.access_token(again(link), now=NOW())

    assert not states.link_troubled(old, Failure(Outcome.APP_GONE, Reason.APP_REMOVED), now=NOW())

    assert again(link).state == LinkState.WORKING
    assert standing(alice) == (State.CONNECTED, "")


def test_while_an_organization_is_in_trouble_only_its_check_asks(link: TenantLink, microsoft: Simulator) -> None:
    at(microsoft, "remove")
    link_checks.check_link(link.pk, now=NOW())
    refused = _times(microsoft)

    for _ in range(3):
        with pytest.raises(tenant_tokens.Busy):
            tenant_tokens.access_token(again(link), now=NOW())

    assert _times(microsoft) == refused
    assert not link_checks.to_check(now=NOW()), "Microsoft is not asked again at once"


def test_attempts_come_less_and_less_often_but_never_seldom(link: TenantLink) -> None:
    waits, now = [], NOW()
    for _ in range(12):
        states.link_troubled(again(link), NO_ANSWER, now=now, spread=1)
        due_at = again(link).check_due_at
        assert due_at is not None
        waits.append(due_at - now)

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=30), timedelta(minutes=10))


def test_nobody_asks_sooner_than_microsoft_says(link: TenantLink) -> None:
    wait = timedelta(minutes=45)

    states.link_troubled(
        again(link), Failure(Outcome.THROTTLED, Reason.TOO_MANY_REQUESTS, retry_after=wait), now=NOW(), spread=0
    )

    assert not link_checks.to_check(now=NOW() + timedelta(minutes=44))
    assert link_checks.to_check(now=NOW() + timedelta(minutes=46)) == [link.pk]


def test_each_check_is_claimed_by_one_sweep(link: TenantLink) -> None:
    at_once = NOW()

    assert link_checks.to_check(now=at_once) == [link.pk]
    assert link_checks.to_check(now=at_once) == []
    assert link_checks.to_check(now=at_once + link_checks.CLAIM) == [link.pk], "whoever had it may have died"


def test_an_ended_link_has_no_token_and_is_never_checked(link: TenantLink, microsoft: Simulator) -> None:
    TenantLink.objects.filter(pk=link.pk).update(ended_at=NOW(), state=LinkState.ENDED)

    assert link_checks.to_check(now=NOW()) == []
    assert link_checks.check_link(link.pk, now=NOW()) is None
    with pytest.raises(tenant_tokens.NotAlive):
        tenant_tokens.access_token(again(link), now=NOW())

    assert _times(microsoft) == 0


def test_a_new_key_seals_it_anew(link: TenantLink, settings: object) -> None:
    token = tenant_tokens.access_token(link, now=NOW())
    settings.TOKEN_KEYS = {"new": b"n" * 32, **settings.TOKEN_KEYS}  # type: ignore[attr-defined]

    list(resealing.reseal())

    assert vault.key_of(again(link).access_token) == "new"
    assert tenant_tokens.held(again(link), now=NOW()) == token


def test_one_that_no_key_opens_is_asked_for_anew(link: TenantLink, microsoft: Simulator) -> None:
    tenant_tokens.access_token(link, now=NOW())
    TenantLink.objects.filter(pk=link.pk).update(access_token="v1.gone.AAAA")

    assert tenant_tokens.access_token(again(link), now=NOW())

    assert _times(microsoft) == 2


def test_the_claims_of_a_token_that_cannot_be_read_are_none() -> None:
    for text in ("", "opaque", "a.b.c", "e30.e30.", f"{'e30'}.{'W10'}.x"):
        assert app_claims.read(text).roles == ()
