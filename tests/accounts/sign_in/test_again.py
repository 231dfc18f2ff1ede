from __future__ import annotations

import time
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from accounts.models import User
from accounts.sign_in import again
from tests.cast import PASSWORD, ClientOf


@again.required
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.method} by {request.user}")


urlpatterns = [path("guarded/", guarded), path("", include("config.urls"))]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def long_here(client_of: ClientOf, alice: User) -> Client:
    """Alice, who signed in an hour ago and has been busy since."""
    client = client_of(alice)
    session = client.session
    session["began_at"] = time.time() - 3600
    session.save()
    return client


def test_a_stranger_signs_in_first(client: Client, db: None) -> None:
    assert client.get("/guarded/?a=1")["Location"] == "/auth/login/?next=/guarded/%3Fa%3D1"


def test_whoever_has_just_signed_in_is_not_asked_again(client_of: ClientOf, alice: User) -> None:
    assert client_of(alice).get("/guarded/").content == b"GET by Alice"


def test_later_the_password_is_asked_for_and_leads_on(long_here: Client) -> None:
    asked = long_here.get("/guarded/?a=1")
    page = long_here.get(asked["Location"])
    answered = long_here.post("/auth/reauthenticate/", {"password": PASSWORD, "next": "/guarded/?a=1"})

    assert asked["Location"] == "/auth/reauthenticate/?next=%2Fguarded%2F%3Fa%3D1"
    assert "Is it really you?" in page.content.decode()
    assert answered["Location"] == "/guarded/?a=1"
    assert long_here.get("/guarded/").content == b"GET by Alice"
    assert long_here.post("/guarded/").content == b"POST by Alice"


def test_a_wrong_password_leads_nowhere(long_here: Client) -> None:
    long_here.post("/auth/reauthenticate/", {"password": "not this one", "next": "/guarded/"})

    assert long_here.get("/guarded/").status_code == 302


def test_what_is_sent_too_late_is_not_taken_and_leads_back_to_its_page(long_here: Client) -> None:
    answer = long_here.post("/guarded/", headers={"Referer": "http://testserver/profile/?tab=2"})

    assert answer["Location"] == "/auth/reauthenticate/?next=%2Fprofile%2F%3Ftab%3D2"


@pytest.mark.parametrize("page", ["https://corvid.example/", "//corvid.example/", "http://[::1", ""])
def test_no_page_elsewhere_is_come_back_to(long_here: Client, page: str) -> None:
    answer = long_here.post("/guarded/", headers={"Referer": page})

    assert answer["Location"] == "/auth/reauthenticate/?next=%2Fguarded%2F"


def test_a_fragment_leads_the_whole_page_there(long_here: Client) -> None:
    answer = long_here.post("/guarded/", headers={"HX-Request": "true", "Referer": "http://testserver/profile/"})

    assert answer["HX-Redirect"] == "/auth/reauthenticate/?next=%2Fprofile%2F"


def test_what_was_shown_counts_for_a_quarter_of_an_hour(long_here: Client, settings: Any) -> None:
    long_here.post("/auth/reauthenticate/", {"password": PASSWORD, "next": "/guarded/"})
    within = long_here.get("/guarded/").status_code
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0

    assert within == 200
    assert long_here.get("/guarded/").status_code == 302
