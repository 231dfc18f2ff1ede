from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import resolve

from accounts.frame import Frame
from accounts.models import User
from tests.cast import ClientOf


def asked(rf: RequestFactory, user: Any, path: str = "/profile/") -> HttpRequest:
    request = rf.get(path)
    request.user = user
    request.resolver_match = resolve(path)
    return request


def admin_links(frame: Frame) -> list[str]:
    return [link.label for part in frame.admin for link in part.links]


def test_a_member_sees_nothing_of_administration(bob: User, rf: RequestFactory) -> None:
    frame = Frame(asked(rf, bob))

    assert frame.admin == ()
    assert "Profile" in [link.label for link in frame.personal]


def test_a_group_admin_sees_groups_only(gus: User, rf: RequestFactory) -> None:
    assert admin_links(Frame(asked(rf, gus))) == ["Groups"]


def test_everybody_finds_his_own_settings(bob: User, dana: User, rf: RequestFactory) -> None:
    for person in (bob, dana):
        links = [link.label for link in Frame(asked(rf, person)).personal]
        assert links == ["Profile", "Meetings", "Settings"]


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_owners_and_admins_see_everything_without_asking_the_database(
    dana: User, rf: RequestFactory, role: str, django_assert_num_queries: Any
) -> None:
    dana.role = role
    request = asked(rf, dana)

    with django_assert_num_queries(0):
        links = admin_links(Frame(request))

    assert links == [
        "Users",
        "Groups",
        "Account Profile",
        "Account Settings",
        "Connections",
        "Organizations",
        "Exchange servers",
        "EWS retirement",
        "Single Sign-On",
        "Sign-in log",
        "Audit log",
    ]


def test_one_sees_where_one_is(dana: User, rf: RequestFactory) -> None:
    on_it = Frame(asked(rf, dana, "/people/"))
    beneath = Frame(asked(rf, dana, "/people/invite/"))

    assert {link.label: link.current for link in on_it.admin[0].links} == {"Users": "page", "Groups": ""}
    assert {link.label: link.current for link in beneath.admin[0].links} == {"Users": "true", "Groups": ""}


def test_a_page_costs_a_member_five_queries_at_most(
    alice: User, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of(alice)

    with django_assert_max_num_queries(5):  # session, person with account, password? group admin? banner
        answer = client.get("/auth/password/change/")

    assert answer.status_code == 200
    assert "Kestrel &amp; Co" in answer.content.decode()
