"""The one session for the outside world, against servers that are slow in every way there is."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from accounts import outbound
from tests.integrations.tls_host import OK, Host, Talk, certificate, host

__all__ = ["certificate", "host"]

SHORT = timedelta(seconds=0.5)
SLACK = 0.6  # seconds: two busy cores


@pytest.fixture
def session(host: Host, certificate: Path) -> outbound.Session:
    return outbound.session(allowed_hosts=[host.name], total=SHORT, verify=str(certificate))


def drip(host: Host, text: bytes, *, after: bytes = b"") -> Talk:
    """One byte every tenth of a second: no socket operation ever takes long."""

    def talk(connection: ssl.SSLSocket, _path: str) -> None:
        connection.sendall(after)
        for byte in text:
            if not host.is_open:
                return
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    return talk


def late(seconds: float) -> Talk:
    def talk(connection: ssl.SSLSocket, _path: str) -> None:
        time.sleep(seconds)
        connection.sendall(OK)

    return talk


def seconds_until_exceeded(session: requests.Session, url: str) -> float:
    started = time.monotonic()
    with pytest.raises(requests.exceptions.RequestException) as problem:
        session.get(url)
    took = time.monotonic() - started
    assert isinstance(problem.value, requests.exceptions.Timeout), repr(problem.value)
    return took


# ── The deadline ────────────────────────────────────────────────────────────
def test_an_answer_in_time_arrives_whole(host: Host, session: requests.Session) -> None:
    assert session.get(host.url).text == "ok"


def test_headers_that_drip_end_at_the_deadline(host: Host, session: requests.Session) -> None:
    host.talk = drip(host, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000)

    assert seconds_until_exceeded(session, host.url) < SHORT.total_seconds() + SLACK


def test_a_body_that_drips_ends_at_the_deadline(host: Host, session: requests.Session) -> None:
    host.talk = drip(host, b"x" * 1000, after=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    assert seconds_until_exceeded(session, host.url) < SHORT.total_seconds() + SLACK


def test_a_body_without_a_length_that_drips_is_not_taken_for_a_whole_one(host: Host, session: requests.Session) -> None:
    host.talk = drip(host, b"x" * 1000, after=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")

    assert seconds_until_exceeded(session, host.url) < SHORT.total_seconds() + SLACK


def test_a_body_that_is_to_be_read_later_is_bounded_all_the_same(host: Host, session: requests.Session) -> None:
    host.talk = drip(host, b"x" * 1000, after=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    started = time.monotonic()

    with pytest.raises(requests.exceptions.Timeout):
        session.get(host.url, stream=True).content  # noqa: B018  reading is the test

    assert time.monotonic() - started < SHORT.total_seconds() + SLACK


def test_silence_ends_at_the_deadline(host: Host, session: requests.Session) -> None:
    host.talk = lambda _connection, _path: time.sleep(3)

    assert seconds_until_exceeded(session, host.url) < SHORT.total_seconds() + SLACK


def test_a_handshake_that_drips_ends_at_the_deadline(host: Host, session: requests.Session) -> None:
    host.drip = 10

    assert seconds_until_exceeded(session, host.url) < SHORT.total_seconds() + SLACK


def test_a_handshake_that_never_begins_ends_at_the_deadline(session: requests.Session, host: Host) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    name = f"localhost:{silent.getsockname()[1]}"
    session = outbound.session(allowed_hosts=[name], total=SHORT)

    assert seconds_until_exceeded(session, f"https://{name}") < SHORT.total_seconds() + SLACK
    silent.close()


def test_a_callers_own_longer_timeout_does_not_count(host: Host, session: requests.Session) -> None:
    host.talk = lambda _connection, _path: time.sleep(3)
    started = time.monotonic()

    with pytest.raises(outbound.DeadlineExceeded):
        session.get(host.url, timeout=30)

    assert time.monotonic() - started < SHORT.total_seconds() + SLACK


def test_after_a_deadline_the_session_goes_on(host: Host, session: requests.Session) -> None:
    host.talk = lambda _connection, _path: time.sleep(3)
    seconds_until_exceeded(session, host.url)
    host.talk = lambda connection, _path: connection.sendall(OK)

    assert session.get(host.url).text == "ok"


def test_a_connection_is_used_again(host: Host, session: requests.Session) -> None:
    for _ in range(5):
        session.get(host.url)

    assert host.connections == 1


def test_one_deadline_does_not_touch_another_thread(host: Host, session: requests.Session) -> None:
    host.talk = lambda connection, path: time.sleep(3) if path == "/slow" else connection.sendall(OK)
    answers: list[str] = []
    slow = threading.Thread(target=lambda: seconds_until_exceeded(session, f"{host.url}/slow"))
    slow.start()
    until = time.monotonic() + SHORT.total_seconds() + 0.3

    while time.monotonic() < until:
        answers.append(session.get(f"{host.url}/quick").text)
    slow.join()

    assert set(answers) == {"ok"}


# ── Deadlines around several requests ───────────────────────────────────────
def test_requests_in_one_piece_of_work_share_its_time(host: Host, certificate: Path) -> None:
    session = outbound.session(allowed_hosts=[host.name], total=timedelta(seconds=30), verify=str(certificate))
    host.talk = late(0.2)
    started = time.monotonic()

    with outbound.deadline(SHORT), pytest.raises(outbound.DeadlineExceeded):
        while True:
            session.get(host.url)

    assert SHORT.total_seconds() * 0.9 <= time.monotonic() - started < SHORT.total_seconds() + SLACK
    assert session.get(host.url).text == "ok"


def test_an_inner_deadline_cannot_stretch_the_outer_one(host: Host, session: requests.Session) -> None:
    host.talk = lambda _connection, _path: time.sleep(3)
    started = time.monotonic()

    with (
        outbound.deadline(timedelta(seconds=0.2)),
        outbound.deadline(timedelta(hours=1)),
        pytest.raises(outbound.DeadlineExceeded),
    ):
        session.get(host.url)

    assert time.monotonic() - started < 0.2 + SLACK


def test_an_inner_deadline_ends_with_its_block(host: Host, certificate: Path) -> None:
    session = outbound.session(allowed_hosts=[host.name], total=timedelta(seconds=5), verify=str(certificate))
    host.talk = late(0.3)

    with outbound.deadline(timedelta(seconds=5)):
        with outbound.deadline(timedelta(seconds=0.1)), pytest.raises(outbound.DeadlineExceeded):
            session.get(host.url)

        assert session.get(host.url).text == "ok"


def test_when_the_time_is_over_nothing_is_asked(host: Host, session: requests.Session) -> None:
    with outbound.deadline(timedelta()), pytest.raises(outbound.DeadlineExceeded, match="time for this work is over"):
        session.get(host.url)

    assert host.connections == 0


# ── Whom it may ask ─────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "url",
    [
        "http://{name}/",
        "https://127.0.0.1:{port}/",
        "https://localhost:1/",
        "https://localhost/",
        "https://example.com/",
        "https://{name}@example.com/",
        "https://example.com\\@{name}/",
        "https://example.com#@{name}/",
        "https://example.com?@{name}/",
        "https://{name}.example.com/",
        "ftp://{name}/",
        "file:///etc/passwd",
    ],
)
def test_no_other_host_and_no_other_scheme_is_asked(url: str, host: Host, session: requests.Session) -> None:
    with pytest.raises(requests.exceptions.RequestException) as refused:
        session.get(url.format(name=host.name, port=host.port))

    assert isinstance(refused.value, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema)
    assert host.connections == 0


def test_the_refusal_does_not_repeat_what_is_in_the_address(session: requests.Session) -> None:
    with pytest.raises(outbound.HostNotAllowed) as refused:
        session.get("https://user:password@example.com/path?code=secret")

    assert str(refused.value) == "https://example.com is not a host this portal may ask."


def test_a_redirect_is_not_followed(host: Host, session: requests.Session) -> None:
    host.talk = lambda connection, _path: connection.sendall(
        f"HTTP/1.1 302 Found\r\nLocation: {host.url}/elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    )

    response = session.get(f"{host.url}/here", allow_redirects=True)

    assert response.status_code == 302
    assert host.paths == ["/here"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_not_used(
    name: str, host: Host, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert session.get(host.url).text == "ok"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_do_not_replace_ours(
    name: str, host: Host, session: requests.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    monkeypatch.setenv(name, str(empty))

    assert session.get(host.url).text == "ok"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_are_not_trusted(
    name: str, host: Host, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(certificate))
    session = outbound.session(allowed_hosts=[host.name], total=SHORT)

    with pytest.raises(requests.exceptions.SSLError):
        session.get(host.url)


def test_passwords_of_a_netrc_file_are_not_sent(
    host: Host, session: requests.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert "Authorization" not in session.get(host.url).request.headers


# ── A form, the quick way ───────────────────────────────────────────────────
def test_a_form_goes_out_whole_and_its_answer_comes_back(host: Host, session: outbound.Session) -> None:
    body = b'{"token": "\xc3\xa9"}'

    def talk(connection: ssl.SSLSocket, _path: str) -> None:
        connection.sendall(
            b"HTTP/1.1 400 Bad Request\r\nRetry-After: 7\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    host.talk = talk

    answer = session.post_form(f"{host.url}/token", {"grant_type": "refresh_token", "scope": "a b"}, {"X-Trace": "1"})

    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (400, "7", {"token": "é"})
    assert host.paths == ["/token"]
    head, _, sent = host.heard[0].partition(b"\r\n\r\n")
    assert sent == b"grant_type=refresh_token&scope=a+b"
    assert b"x-trace: 1" in head.lower()
    assert b"content-type: application/x-www-form-urlencoded" in head.lower()


def test_forms_use_a_connection_again_and_share_it_with_other_requests(host: Host, session: outbound.Session) -> None:
    for _ in range(3):
        assert session.post_form(f"{host.url}/token", {}, {}).text == "ok"
        assert session.get(host.url).text == "ok"

    assert host.connections == 1


def test_a_form_whose_answer_drips_ends_at_the_deadline(host: Host, session: outbound.Session) -> None:
    host.talk = drip(host, b"x" * 1000, after=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    started = time.monotonic()

    with pytest.raises(outbound.DeadlineExceeded):
        session.post_form(f"{host.url}/token", {}, {})

    assert time.monotonic() - started < SHORT.total_seconds() + SLACK


def test_a_form_goes_to_no_other_host_and_to_nobody_untrusted(host: Host, certificate: Path) -> None:
    with pytest.raises(outbound.HostNotAllowed):
        outbound.session(allowed_hosts=["example.com"], total=SHORT).post_form(f"{host.url}/token", {}, {})
    with pytest.raises(requests.exceptions.SSLError):
        outbound.session(allowed_hosts=[host.name], total=SHORT).post_form(f"{host.url}/token", {}, {})


def test_a_form_that_nobody_takes_is_an_error_of_requests(session: outbound.Session, host: Host) -> None:
    host.close()
    nobody = outbound.session(allowed_hosts=["localhost:9"], total=SHORT)

    with pytest.raises(requests.exceptions.ConnectionError):
        nobody.post_form("https://localhost:9/token", {}, {})


def test_what_a_server_would_have_us_remember_is_not_said_to_it_again(host: Host, session: requests.Session) -> None:
    """One session asks for everybody."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: who=alice; Path=/; Secure\r\n\r\n"
    host.talk = lambda connection, _path: connection.sendall(answer)

    session.get(host.url)

    assert list(session.cookies) == []


# ── One thread watches over all ─────────────────────────────────────────────
def test_many_requests_at_once_need_one_watching_thread(host: Host, certificate: Path) -> None:
    session = outbound.session(allowed_hosts=[host.name], total=timedelta(seconds=20), verify=str(certificate))
    host.talk = late(0.3)
    askers = [threading.Thread(target=session.get, args=(f"{host.url}/",)) for _ in range(12)]
    for asker in askers:
        asker.start()
    time.sleep(0.1)

    watching = [thread for thread in threading.enumerate() if thread.name == "deadlines"]

    for asker in askers:
        asker.join()
    assert len(watching) == 1


def test_a_later_request_with_an_earlier_end_is_ended_in_time(host: Host, certificate: Path) -> None:
    patient = outbound.session(allowed_hosts=[host.name], total=timedelta(seconds=5), verify=str(certificate))
    hasty = outbound.session(allowed_hosts=[host.name], total=timedelta(seconds=0.3), verify=str(certificate))
    host.talk = late(1.5)
    first = threading.Thread(target=patient.get, args=(f"{host.url}/",))
    first.start()
    time.sleep(0.2)
    started = time.monotonic()

    with pytest.raises(outbound.DeadlineExceeded):
        hasty.get(host.url)

    assert time.monotonic() - started < 0.3 + SLACK
    first.join()
