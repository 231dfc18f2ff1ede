from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.sign_in.middleware import SignedInAndOwnClock, zone_of


def clock_during(request: HttpRequest) -> str:
    seen: list[str] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    SignedInAndOwnClock(view)(request)
    return seen[0]


def asked_by(person: User, factory: RequestFactory) -> HttpRequest:
    request = factory.get("/")
    request.user = person
    return request


def test_pages_show_times_in_the_zone_of_the_reader(alice: User, rf: RequestFactory) -> None:
    assert clock_during(asked_by(alice, rf)) == "Europe/Berlin"
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_zone_that_is_none_is_taken_for_utc(alice: User, rf: RequestFactory) -> None:
    alice.time_zone = "Middle-earth/Shire"

    assert clock_during(asked_by(alice, rf)) == "UTC"


@given(st.text())
def test_no_name_of_a_zone_breaks_a_page(name: str) -> None:
    assert isinstance(zone_of(name), ZoneInfo)


def test_pages_of_somebody_signed_in_are_kept_in_no_cache(client: Client, alice: User) -> None:
    client.force_login(alice)

    answer = client.get("/auth/password/change/")

    assert answer["Cache-Control"] == "private, no-store"


def test_who_is_deactivated_meanwhile_is_signed_out(client: Client, alice: User) -> None:
    client.force_login(alice)
    before = client.get("/auth/password/change/").status_code

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert before == 200
    assert client.get("/auth/password/change/")["Location"].startswith("/auth/login/")


def test_a_fragment_asked_for_after_the_session_ended_leads_the_whole_page_to_sign_in(client: Client, db: None) -> None:
    answer = client.get(
        "/auth/password/change/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/profile/?a=1"},
    )

    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/auth/login/?next=/profile/%3Fa%3D1"


@pytest.mark.parametrize("nonsense", ["http://[::1", "http://testserver:port/", "https://corvid.example/", "%"])
def test_a_fragment_that_does_not_say_where_it_stands_leads_home(client: Client, db: None, nonsense: str) -> None:
    answer = client.get("/auth/password/change/", headers={"HX-Request": "true", "HX-Current-URL": nonsense})

    assert answer["HX-Redirect"] == "/auth/login/?next=/"
