"""A name with many addresses: the time to connect is for all of them together."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import requests

from accounts import outbound


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that lets nobody in and refuses nobody: its queue is full."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(8):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def test_many_dead_addresses_take_no_longer_than_one(black_hole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def eight(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return real(host, port, *more, **named)[:1] * 8

    monkeypatch.setattr(socket, "getaddrinfo", eight)
    address = f"127.0.0.1:{black_hole}"
    session = outbound.session(allowed_hosts=[address], total=timedelta(seconds=2))
    started = time.monotonic()

    with pytest.raises(requests.exceptions.RequestException):
        session.get(f"https://{address}/")

    assert time.monotonic() - started < 3


def test_a_name_nobody_knows_is_an_error_like_any_other() -> None:
    session = outbound.session(allowed_hosts=["nowhere.invalid"], total=timedelta(seconds=2))

    with pytest.raises(requests.exceptions.ConnectionError):
        session.get("https://nowhere.invalid/")


def test_a_refused_connection_says_so() -> None:
    session = outbound.session(allowed_hosts=["localhost:9"], total=timedelta(seconds=2))

    with pytest.raises(requests.exceptions.ConnectionError) as problem:
        session.get("https://localhost:9/")

    assert not isinstance(problem.value, requests.exceptions.Timeout)
