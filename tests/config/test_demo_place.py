"""What stops the demo before it starts anything, and what it keeps."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.demo import keys, place
from config.demo.ports import free_dns_port, free_port, is_taken, is_taken_for_dns
from config.demo.words import CannotStart
from tests.config.watching import Program, processes_naming

PORTS = (
    "MERIDIAN_PORT",
    "SIMULATOR_HTTPS_PORT",
    "SIMULATOR_HTTP_PORT",
    "SIMULATOR_DNS_PORT",
    "SIMULATOR_EXCHANGE_PORT",
)


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A browser tries both addresses for `localhost`: a stranger on either would be shown instead of us."""
    address = str(request.param)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as stranger:
        try:
            stranger.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        stranger.listen()
        yield stranger.getsockname()[1]


def demo(tmp_path: Path, *arguments: str, **environment: str) -> Program:
    return Program(
        "config.demo",
        *arguments,
        log=tmp_path / "console",
        environment={"MERIDIAN_DEMO_DATA": str(tmp_path / "data"), **environment},
    )


@pytest.mark.parametrize("name", PORTS)
def test_a_port_in_use_is_one_line_with_what_to_do_and_nothing_is_left_running(
    tmp_path: Path, taken_port: int, name: str
) -> None:
    free = {other: str(free_dns_port()) for other in PORTS}

    with demo(tmp_path, **{**free, name: str(taken_port)}) as runner:
        assert runner.ends() == 1

    assert runner.said().startswith(f"Port {taken_port}, which the ")
    assert f"{name}={taken_port + 100} make demo" in runner.said()
    assert runner.said().count("\n") == 1
    assert processes_naming(str(tmp_path)) == []


@pytest.mark.parametrize("value", ["0", "65536", "eight thousand", "-1"])
def test_a_senseless_port_is_refused(value: str) -> None:
    with pytest.raises(CannotStart, match="MERIDIAN_PORT must be a port between 1 and 65535"):
        place.chosen_ports({"MERIDIAN_PORT": value})


def test_a_port_that_nobody_listens_on_is_free() -> None:
    assert not is_taken(free_port())


def test_a_port_whose_datagrams_somebody_gets_is_no_port_for_dns() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        port = stranger.getsockname()[1]

        assert is_taken_for_dns(port)

    assert not is_taken_for_dns(free_dns_port())


def test_a_second_demo_on_the_same_data_is_refused_at_once(tmp_path: Path) -> None:
    with place.alone_with(tmp_path / "data"), demo(tmp_path) as second:
        assert second.ends(within=5) == 1

    assert f"A demo is running on {tmp_path / 'data'} already (process {os.getpid()})" in second.said()


def test_reset_refuses_while_a_demo_runs_and_keeps_the_data(tmp_path: Path) -> None:
    with place.alone_with(tmp_path / "data"), demo(tmp_path, "reset") as reset:
        (tmp_path / "data" / "portal.sqlite3").touch()

        assert reset.ends(within=5) == 1

    assert (tmp_path / "data" / "portal.sqlite3").exists()


def test_reset_forgets_everything(tmp_path: Path) -> None:
    keys.kept_in(place.private_directory(tmp_path / "data") / "environment")

    with demo(tmp_path, "reset") as reset:
        assert reset.ends() == 0

    assert not (tmp_path / "data").exists()


def test_reset_of_nothing_is_no_error(tmp_path: Path) -> None:
    with demo(tmp_path, "reset") as reset:
        assert reset.ends() == 0


def test_keys_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    file = tmp_path / "environment"

    made = keys.kept_in(file)

    assert keys.kept_in(file) == made
    assert set(made) == set(keys.MAKERS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_a_newer_version_needs_is_added_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    made = keys.kept_in(file)
    file.write_text(f"SECRET_KEY={made['SECRET_KEY']}\n")

    again = keys.kept_in(file)

    assert again["SECRET_KEY"] == made["SECRET_KEY"]
    assert again["TOKEN_KEYS"] != made["TOKEN_KEYS"]
