from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from accounts.models import User
from accounts.views import errors
from tests.cast import ClientOf


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the password is swordfish")


def refuses(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("Only an owner may do this.")


def suspects(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("something odd")


urlpatterns = [
    path("breaks/", breaks),
    path("refuses/", refuses),
    path("suspects/", suspects),
    path("", include("config.urls")),
]
handler400 = errors.bad_request
handler500 = errors.server_error

here = override_settings(ROOT_URLCONF=__name__)


def test_a_form_from_elsewhere_is_refused_in_words(alice: User) -> None:
    careful = Client(enforce_csrf_checks=True)

    answer = careful.post("/auth/login/", {"login": alice.email})

    assert answer.status_code == 403
    assert "reload the page and try again" in answer.content.decode()


@here
@pytest.mark.django_db
def test_a_failure_shows_a_number_and_no_details(client: Client) -> None:
    client.raise_request_exception = False

    answer = client.get("/breaks/")

    page = answer.content.decode()
    assert answer.status_code == 500
    assert "swordfish" not in page
    assert f"<code>{answer['X-Request-ID']}</code>" in page


@here
def test_a_refusal_says_why_to_somebody_signed_in_and_keeps_the_way_around(client: Client, alice: User) -> None:
    client.force_login(alice)

    answer = client.get("/refuses/")

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Only an owner may do this." in page
    assert 'aria-label="Portal"' in page


@here
@pytest.mark.django_db
def test_a_malformed_request_gets_a_page_too(client: Client) -> None:
    answer = client.get("/suspects/")

    assert answer.status_code == 400
    assert "something odd" not in answer.content.decode()


@pytest.mark.django_db
def test_an_unknown_address_gets_a_page_that_leads_back(client: Client) -> None:
    answer = client.get("/nowhere/")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


DOORS = [
    "/auth/login/",
    "/auth/signup/",
    "/auth/inactive/",
    "/auth/password/reset/",
    "/auth/password/reset/done/",
    "/auth/password/reset/key/done/",
    "/auth/password/reset/key/1-nonsense/",
    "/auth/confirm-email/",
    "/auth/confirm-email/nonsense/",
    "/nowhere/",
]
INSIDE = [
    "/auth/password/change/",
    "/auth/email/",
    "/auth/reauthenticate/",
    "/auth/logout/",
    "/auth/confirm-email/nonsense/",
    "/nowhere/",
]
MISSING = "⟦missing⟧"


@pytest.fixture
def holes_show(settings: Any) -> None:
    """A variable that a template asks for and nobody gives leaves a mark."""
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["string_if_invalid"] = MISSING
    settings.TEMPLATES = templates


@pytest.mark.django_db
@pytest.mark.usefixtures("holes_show")
@pytest.mark.parametrize("address", DOORS)
def test_pages_before_the_door_are_whole(client: Client, address: str) -> None:
    page = client.get(address).content.decode()

    assert MISSING not in page
    assert "<h1>" in page
    assert 'id="content"' in page


@pytest.mark.usefixtures("holes_show")
@pytest.mark.parametrize("address", INSIDE)
def test_pages_behind_the_door_are_whole(client_of: ClientOf, alice: User, address: str) -> None:
    page = client_of(alice).get(address).content.decode()

    assert MISSING not in page
    assert "<h1>" in page
    assert 'id="content"' in page
