"""Invitations that somebody else has to do with: two who act at the same moment, two accounts, one address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from accounts import invitations, people
from accounts.models import Account, AuditEntry, User
from tests.cast import FOUNDED, PASSWORD, Cast

NOW = FOUNDED + timedelta(days=30)
NIA = "nia@kestrel.example"


def _invite(actor: User, *, email: str = NIA, days_ago: int = 0) -> User:
    now = NOW - timedelta(days=days_ago)
    return people.invite(account=actor.account, email=email, name="Nia", role="member", actor=actor, now=now).person


# ── At the same moment ──────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [people.withdraw, people.invite_again])
def test_whoever_is_just_joining_can_no_longer_be_uninvited(change: Callable[..., object], cast: Cast) -> None:
    nia = _invite(cast.dana)
    refused: list[people.Refused] = []

    def act() -> None:
        try:
            change(User.objects.get(pk=nia.pk), actor=cast.dana, now=NOW)
        except people.Refused as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    admin = threading.Thread(target=act)
    with transaction.atomic():
        people.accept(nia, name="Nia", password=PASSWORD, time_zone="UTC", now=NOW)
        admin.start()
        admin.join(0.5)
        had_to_wait = admin.is_alive()
    admin.join(30)

    assert had_to_wait
    assert [type(refusal) for refusal in refused] == [people.AlreadyJoined]
    joined = User.objects.get(pk=nia.pk)
    assert (joined.is_active, joined.invited_at) == (True, None)


# ── Two accounts, one address ───────────────────────────────────────────────
def test_an_expired_invitation_of_another_account_no_longer_blocks_an_address(cast: Cast) -> None:
    squatting = _invite(cast.mallory, days_ago=7)

    invited = _invite(cast.dana)

    assert list(User.objects.filter(email=NIA)) == [invited]
    removed = AuditEntry.objects.get(action="person.invitation_expired")
    assert (removed.account, removed.actor_name, removed.target_id, removed.before) == (
        cast.corvid,
        "Meridian",
        str(squatting.pk),
        {"email": NIA},
    )


def test_an_account_learns_that_its_invitation_went_but_not_where_the_address_is_now(cast: Cast) -> None:
    _invite(cast.mallory, days_ago=30)
    _invite(cast.dana)

    entries = list(AuditEntry.objects.filter(account=cast.corvid).order_by("pk"))

    assert [entry.action for entry in entries] == ["person.invited", "person.invitation_expired"]
    assert "Kestrel" not in str([(entry.actor_name, entry.target_name, entry.before, entry.after) for entry in entries])


def test_the_operator_can_found_an_account_for_somebody_another_one_once_invited(cast: Cast) -> None:
    _invite(cast.mallory, days_ago=8)

    owner = people.found_account(name="Nightjar", owner_email=NIA, owner_name="Nia", now=NOW)

    assert list(User.objects.filter(email=NIA)) == [owner]


def test_an_invitation_that_can_still_be_accepted_keeps_its_address(cast: Cast) -> None:
    nia = _invite(cast.mallory, days_ago=8)
    people.invite_again(nia, actor=cast.mallory, now=NOW - invitations.LIFETIME + timedelta(microseconds=1))

    with pytest.raises(people.AddressTaken):
        _invite(cast.dana)

    assert list(User.objects.filter(email=NIA)) == [nia]


def test_whoever_has_joined_keeps_the_address_for_good(cast: Cast) -> None:
    nia = _invite(cast.mallory, days_ago=20)
    people.accept(nia, name="Nia", password=PASSWORD, time_zone="UTC", now=NOW - timedelta(days=19))
    people.deactivate(nia, actor=cast.mallory, now=NOW)

    with pytest.raises(people.AddressTaken):
        _invite(cast.dana)

    assert list(User.objects.filter(email=NIA)) == [nia]


def test_ones_own_expired_invitation_is_sent_again_rather_than_replaced(cast: Cast) -> None:
    nia = _invite(cast.dana, days_ago=8)

    with pytest.raises(people.AddressTaken):
        _invite(cast.dana)

    assert list(User.objects.filter(email=NIA)) == [nia]


@pytest.mark.django_db(transaction=True)
def test_of_two_accounts_after_the_same_expired_address_one_gets_it(cast: Cast) -> None:
    nightjar = Account.objects.create(name="Nightjar", created_at=FOUNDED)
    _invite(cast.mallory, days_ago=8)
    start = threading.Barrier(2)
    refused: list[people.AddressTaken] = []

    def invite(account: Account) -> None:
        start.wait(10)
        try:
            people.invite(account=account, email=NIA, name="", role="member", actor=None, now=NOW)
        except people.AddressTaken as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=invite, args=(account,)) for account in (cast.kestrel, nightjar)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(refused) == 1
    assert User.objects.get(email=NIA).account in (cast.kestrel, nightjar)
    assert AuditEntry.objects.filter(action="person.invitation_expired").count() == 1
