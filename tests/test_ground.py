"""The ground of the tests themselves: what they promise to every other test."""

from __future__ import annotations

import socket

import pytest
import redis
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from pytest_socket import SocketConnectBlockedError


def test_the_network_beyond_this_machine_is_off() -> None:
    with (
        socket.socket() as outside,
        pytest.warns(UserWarning, match="tried to use"),
        pytest.raises(SocketConnectBlockedError),
    ):
        outside.connect(("192.0.2.1", 443))


@pytest.mark.django_db
def test_a_test_never_touches_the_database_it_was_given() -> None:
    assert "test" in str(connection.settings_dict["NAME"])

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("again", [1, 2])
def test_redis_is_empty_at_the_start_of_each_test(redis_url: str, again: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0

        client.set("left by", again)


def test_pages_find_their_static_files_by_the_name_of_their_content(static_files: None) -> None:
    name = staticfiles_storage.url("django_htmx/htmx-2.min.js").removeprefix(settings.STATIC_URL)

    assert name != "django_htmx/htmx-2.min.js"
    assert (settings.STATIC_ROOT / name).is_file()
