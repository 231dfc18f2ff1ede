"""Each page of settings costs the same, however many people and groups there are and whatever they decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Group, Membership, SettingDecision
from integrations.models import Connection, State
from tests.accounts.settings.quiet import Digest
from tests.accounts.settings.reading import decide, rows, text_of
from tests.cast import FOUNDED, Cast, ClientOf, crowd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]


def fill(cast: Cast, *, people: int, groups: int) -> None:
    """So many people and groups, each with a choice of its own; Alice is in all of the groups."""
    Group.objects.bulk_create(
        Group(account=cast.kestrel, name=f"Team {n}", rank=n, created_at=FOUNDED) for n in range(groups)
    )
    teams = list(Group.objects.filter(name__startswith="Team"))
    Membership.objects.bulk_create(Membership(group=team, user=cast.alice) for team in teams)
    members = crowd(cast.kestrel, people, group=cast.sales)
    now = timezone.now()
    SettingDecision.objects.bulk_create(
        [SettingDecision(group=team, key="quiet.digest", value="never", decided_at=now) for team in teams]
        + [SettingDecision(user=one, key="quiet.reminders", value=False, decided_at=now) for one in members]
    )
    decide("quiet.digest", Digest.WEEKLY, cast.kestrel, cast.dana)
    for count in range(min(people, 5)):
        decide("quiet.snooze", 10 + count, cast.kestrel, cast.dana)
        decide("quiet.snooze", 10 + count, cast.sales, cast.gus)
        decide("quiet.snooze", 10 + count, cast.alice, cast.alice)


@pytest.mark.parametrize("size", [(2, 1), (60, 50)])
@pytest.mark.parametrize(
    ("place", "queries"),
    [
        # Each begins with the session and the person; then comes what it stands on, and last the banner.
        ("account", 9),
        ("group", 13),
        ("person", 9),
        ("own", 9),
    ],
)
def test_it_costs_the_same_at_any_size(
    place: str,
    queries: int,
    size: tuple[int, int],
    cast: Cast,
    client_of: ClientOf,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    people, groups = size
    fill(cast, people=people, groups=groups)
    keys = {"group": [cast.sales.pk], "person": [cast.alice.pk]}.get(place, [])
    path = reverse(f"{place}_settings_page", args=[*keys, "quiet"])
    client = client_of(cast.alice if place == "own" else cast.dana)
    client.get(path)

    with django_assert_num_queries(queries):
        answer = client.get(path)

    assert "reminders" in rows(answer)


@pytest.mark.parametrize("size", [2, 60])
def test_the_rows_of_the_product_cost_the_same_with_any_number_of_connections(
    size: int, cast: Cast, client_of: ClientOf, django_assert_num_queries: Callable[..., Any]
) -> None:
    connected = crowd(cast.kestrel, size, group=cast.sales)
    Connection.objects.bulk_create(
        Connection(user=person, state=State.CONNECTED, since_at=FOUNDED, tenant_id="t", object_id=f"o{person.pk}")
        for person in connected
    )
    client = client_of(cast.dana)
    path = "/account/settings/mail-calendar/"
    client.get(path)

    # As above, two that count the connections, one that names the organizations, and one that counts who was asked.
    with django_assert_num_queries(13):
        answer = client.get(path)

    assert f"{size} people are connected." in text_of(answer)
