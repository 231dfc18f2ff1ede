"""Many threads write to the one SQLite file: each in turn, none refused."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from integrations.simulator.turns import Turns
from tests.simulator.client import ALICE, Client


def test_the_turn_is_handed_on_in_the_order_of_asking() -> None:
    turns, order = Turns(), []

    def work(number: int) -> None:
        turns.take()
        order.append(number)
        turns.hand_on()

    turns.take()
    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
        while len(turns._waiting) <= threads.index(thread):
            time.sleep(0.001)
    turns.hand_on()
    for thread in threads:
        thread.join()

    assert order == list(range(8))


def test_sixty_four_writers_at_once_are_all_served(client: Client) -> None:
    token = client.connect(ALICE)["refresh_token"]

    def write(_: int) -> list[int]:
        return [client.refresh(token).status_code for _ in range(4)]

    with ThreadPoolExecutor(64) as pool:
        statuses = [status for found in pool.map(write, range(64)) for status in found]

    assert statuses == [200] * 256
