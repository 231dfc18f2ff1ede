from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpRequest
from django.urls import reverse

from accounts import openings, people
from accounts.forms.time_zones import TimeZoneField, choices
from accounts.models import AuditEntry, User
from accounts.openings import Panel
from tests.cast import FOUNDED, Cast, ClientOf

NOW = FOUNDED + timedelta(days=30)


@pytest.fixture
def panels() -> Iterator[list[openings.PersonPanel]]:
    """The opening, empty, and put back afterwards."""
    before = list(openings.person_panels)
    openings.person_panels.clear()
    yield openings.person_panels
    openings.person_panels[:] = before


def test_the_profile_says_who_i_am_here(cast: Cast, client_of: ClientOf, panels: list[openings.PersonPanel]) -> None:
    response = client_of(cast.alice).get(reverse("profile"))

    shown = response.content.decode()
    assert all(
        word in shown for word in ("Alice", "alice@kestrel.example", "Member of Kestrel &amp; Co", "Europe/Berlin")
    )
    assert [(place.group, place.position) for place in response.context["places"]] == [(cast.sales, 1)]
    local = datetime.now(tz=ZoneInfo("Europe/Berlin"))
    assert any(f"{moment:%H:%M}</time> now" in shown for moment in (local, local - timedelta(minutes=1)))


def test_the_floors_above_add_their_panels(cast: Cast, client_of: ClientOf, panels: list[openings.PersonPanel]) -> None:
    def panel(request: HttpRequest, person: User) -> Panel:
        return Panel("ui/_empty.html", {"greeting": f"for {person}"})

    panels.append(panel)

    response = client_of(cast.alice).get(reverse("profile"))

    assert [shown.context for shown in response.context["panels"]] == [{"greeting": "for Alice"}]
    assert 'class="empty"' in response.content.decode()


def test_i_change_my_name_and_time_zone(cast: Cast, client_of: ClientOf) -> None:
    response = client_of(cast.alice).post(
        reverse("profile_edit"), {"name": " Alice Liddell ", "time_zone": "Asia/Tokyo"}, follow=True
    )

    cast.alice.refresh_from_db()
    assert (cast.alice.name, cast.alice.time_zone) == ("Alice Liddell", "Asia/Tokyo")
    assert "Your profile is saved." in response.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("person.profile_changed", cast.alice)
    assert entry.before == {"name": "Alice", "time_zone": "Europe/Berlin"}
    assert entry.after == {"name": "Alice Liddell", "time_zone": "Asia/Tokyo"}


def test_saving_without_a_change_records_nothing(cast: Cast, client_of: ClientOf) -> None:
    client_of(cast.alice).post(reverse("profile_edit"), {"name": "Alice", "time_zone": "Europe/Berlin"})

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "", "time_zone": "UTC"}, "name"),
        ({"name": "   ", "time_zone": "UTC"}, "name"),
        ({"name": "x" * 151, "time_zone": "UTC"}, "name"),
        ({"name": "Typed", "time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_what_makes_no_sense_is_refused_and_kept(
    sent: dict[str, str], field: str, cast: Cast, client_of: ClientOf
) -> None:
    response = client_of(cast.alice).post(reverse("profile_edit"), sent)

    assert field in response.context["form"].errors
    assert response.context["form"]["name"].value() == sent["name"]
    assert User.objects.get(pk=cast.alice.pk).name == "Alice"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", ""])
def test_a_time_zone_without_a_clock_is_never_stored(name: str, cast: Cast) -> None:
    with pytest.raises((KeyError, ValueError, OSError)):
        people.rename(cast.alice, name="Alice", time_zone=name, actor=cast.alice, now=NOW)

    assert User.objects.get(pk=cast.alice.pk).time_zone == "Europe/Berlin"


def test_every_offered_time_zone_has_a_clock() -> None:
    grouped: Any = choices()[1:]
    names = [name for _region, places in grouped for name, _spoken in places]

    assert len(names) > 300
    assert all(ZoneInfo(name).key == name for name in names)


def test_an_older_name_can_be_kept() -> None:
    assert TimeZoneField(current="US/Pacific").clean("US/Pacific") == "US/Pacific"
    assert "US/Pacific" not in str(choices())
