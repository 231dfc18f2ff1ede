"""Graph: how much one application may ask of one mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.simulator.aviary import KEEPER, Birds, oid


@pytest.fixture
def throttled(flock: Birds) -> Iterator[Birds]:
    before = flock.simulator.control("GET", "throttling")
    yield flock
    flock.simulator.control("POST", "throttling", before)


def _at_once(birds: Birds, token: str, paths: list[str]) -> list[requests.Response]:
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: birds.graph(token, path), paths))


def test_the_documented_limits_hold(birds: Birds) -> None:
    limits = birds.simulator.control("GET", "throttling")

    assert {limits["requests"], limits["seconds"], limits["concurrent"]} == {10_000, 600, 4}


def test_a_fifth_request_at_once_is_too_many_for_a_mailbox(throttled: Birds) -> None:
    token = throttled.as_app("Calendars.Read")
    throttled.simulator.control("POST", "faults", {"target": "graph", "seconds": 60, "latency_ms": 700})

    answers = _at_once(throttled, token, [f"/users/{oid('ben')}/calendar"] * 6)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "ApplicationThrottled"
    assert refused.json()["error"]["message"] == "Application is over its MailboxConcurrency limit."
    assert int(refused.headers["Retry-After"]) >= 1


def test_other_mailboxes_other_applications_and_the_directory_have_limits_of_their_own(throttled: Birds) -> None:
    token = throttled.as_app("Calendars.Read", "User.Read.All")
    throttled.simulator.control("POST", "faults", {"target": "graph", "seconds": 60, "latency_ms": 700})
    paths = [f"/users/{oid(key)}/calendar" for key in ("ben", "ada", "dot") for _ in range(3)]

    answers = _at_once(throttled, token, [*paths, *[f"/users/{oid('ben')}"] * 3])

    assert {answer.status_code for answer in answers} == {200}


def test_so_many_requests_in_so_much_time_and_no_more(throttled: Birds) -> None:
    throttled.simulator.control("POST", "throttling", {"requests": 3, "seconds": 300})
    token, other = throttled.as_app("Calendars.Read"), throttled.as_app("Calendars.Read", appid=KEEPER[:-1] + "0")
    path = f"/users/{oid('ben')}/calendar"

    answers = [throttled.graph(token, path) for _ in range(4)]
    directory = throttled.graph(throttled.as_app("User.Read.All"), f"/users/{oid('ben')}")
    another = throttled.graph(token, f"/users/{oid('ada')}/calendar")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 290 <= int(answers[-1].headers["Retry-After"]) <= 300
    assert (directory.status_code, another.status_code) == (200, 200)
    assert throttled.graph(other, path).status_code == 200


def test_requests_of_a_batch_count_one_by_one(throttled: Birds) -> None:
    throttled.simulator.control("POST", "throttling", {"requests": 2, "seconds": 300})
    item = {"method": "GET", "url": f"/users/{oid('ben')}/calendar"}

    answer = throttled.batch(throttled.as_app("Calendars.Read"), *({"id": str(n), **item} for n in range(3)))

    statuses = [response["status"] for response in answer.json()["responses"]]
    assert statuses == [200, 200, 429]
