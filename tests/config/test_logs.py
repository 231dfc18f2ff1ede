"""Log lines: a request id in each, and no secret in any."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.logs import REDACTED, RequestLog, redact, redact_text

SECRET = "s3cr3t-Zq9-value"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl"
REFRESH_TOKEN = "1.AXs" + "Ab-_9" * 40
CODE = "0.AUs" + "Ab-_9" * 20
LIVE_CODE = "M.C512_BAY.2.U." + "4f0e9d52-" * 6
TELLING = [
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "password",
    "Authorization",
    "cookie",
    "client_assertion",
    "code_verifier",
    "nonce",
    "code",
    "state",
    "answer",
    "flow",
]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is written, as JSON, through the very formatter that settings.py has configured."""
    root = logging.getLogger()
    formatter = next(handler.formatter for handler in root.handlers if type(handler) is logging.StreamHandler)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)


# ── What is taken out ───────────────────────────────────────────────────────
@pytest.mark.parametrize("secret", [JWT, REFRESH_TOKEN, CODE, LIVE_CODE], ids=["jwt", "refresh", "code", "live"])
@pytest.mark.parametrize("around", ["{}", "before {} after", "'{}'", "token={}&x=1", '{{"token": "{}"}}', "({})"])
def test_what_looks_like_a_token_is_taken_out_of_any_text(secret: str, around: str) -> None:
    text = redact_text(around.format(secret))

    assert secret not in text
    assert REDACTED in text


@pytest.mark.parametrize(
    "text",
    [
        f"/callback/?code={SECRET}&x=1",
        f"state={SECRET}",
        f'{{"refresh_token": "{SECRET}"}}',
        f"{{'access_token': '{SECRET}', 'b': 1}}",
        f"grant_type=x&client_secret={SECRET}&y=1",
        f"code_verifier: {SECRET}",
        f"PASSWORD={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization='bearer {SECRET}'",
    ],
)
def test_what_stands_under_a_telling_name_is_taken_out_of_any_text(text: str) -> None:
    assert SECRET not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "consent.ended",
        "token.refresh.failed",
        "The state of the connection is connected.",
        "status code 200",
        "error AADSTS50173",
        "1.5 seconds, 0.25 of it waiting",
        "10.0.0.1 asked",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact_text(text) == text


def wrapped(secret: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A secret, somewhere in a structure."""
    noise = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    return st.recursive(
        secret,
        lambda inner: st.one_of(
            st.dictionaries(st.text(max_size=5), inner | noise, min_size=1, max_size=3),
            st.lists(inner | noise, min_size=1, max_size=3),
            st.tuples(inner, noise),
            st.fixed_dictionaries({"payload": inner}),
        ),
        max_leaves=5,
    )


shapes = st.sampled_from(
    [
        lambda s: s,
        lambda s: f"text with {s} in it",
        lambda s: s.encode(),
        lambda s: ValueError(f"refused: {s}"),
        lambda s: {s: "as a key"},
        lambda s: {s},
        lambda s: frozenset([s]),
        lambda s: bytearray(s.encode()),
    ]
)


@given(wrapped(st.tuples(st.sampled_from([JWT, REFRESH_TOKEN, CODE]), shapes).map(lambda pair: pair[1](pair[0]))))
def test_a_token_is_taken_out_however_deep_and_in_whatever_form(value: Any) -> None:
    kept = repr(redact(value))

    assert not any(secret in kept for secret in (JWT, REFRESH_TOKEN, CODE))


@given(st.sampled_from(TELLING), wrapped(st.just(SECRET)), st.sampled_from([str, str.upper, str.title]))
def test_everything_under_a_telling_name_is_taken_out(name: str, value: Any, spell: Callable[[str], str]) -> None:
    kept = redact({"outer": [{spell(name): value}]})

    assert SECRET not in repr(kept)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False), st.lists, max_leaves=5))
def test_numbers_and_flags_stay_as_they_are(value: Any) -> None:
    assert redact(value) == value


@given(wrapped(st.binary() | st.text() | st.just(object())))
def test_it_never_stumbles(value: Any) -> None:
    json.dumps(redact(value))


# ── What is written ─────────────────────────────────────────────────────────
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(wrapped(st.sampled_from([JWT, REFRESH_TOKEN])))
def test_no_line_carries_a_token(lines: Callable[[], list[dict[str, Any]]], value: Any) -> None:
    structlog.get_logger("test").info("something.happened", detail=value)

    written = json.dumps(lines()[-1])
    assert JWT not in written
    assert REFRESH_TOKEN not in written


def test_an_exceptions_text_and_trace_are_cleaned_too(lines: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        int(f"refresh_token={REFRESH_TOKEN}")
    except ValueError:
        structlog.get_logger("test").exception("it.failed")
        logging.getLogger("third.party").exception("it failed with %s", JWT)

    ours, theirs = lines()
    assert "ValueError" in ours["exception"]
    assert "ValueError" in theirs["exception"]
    assert REFRESH_TOKEN not in json.dumps([ours, theirs])
    assert JWT not in json.dumps(theirs)


def test_lines_of_others_go_the_same_way(lines: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger("third.party").warning("GET /callback?code=%s", SECRET, extra={"token": SECRET})

    (line,) = lines()
    assert (line["level"], line["logger"]) == ("warning", "third.party")
    assert SECRET not in json.dumps(line)


def test_a_name_of_an_event_may_speak_of_tokens(lines: Callable[[], list[dict[str, Any]]]) -> None:
    structlog.get_logger("test").info("token.refresh.failed", connection=7)

    assert lines()[0]["event"] == "token.refresh.failed"
    assert lines()[0]["connection"] == 7


# ── Requests ────────────────────────────────────────────────────────────────
def test_each_request_has_an_id_in_its_lines_and_its_answer(lines: Callable[[], list[dict[str, Any]]]) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        structlog.get_logger("test").info("inside")
        return HttpResponse("ok")

    response = RequestLog(view)(RequestFactory().get("/somewhere"))

    inside, answered = lines()
    assert inside["request_id"] == answered["request_id"] == response["X-Request-ID"]
    assert answered["event"] == "request.answered"


@pytest.mark.django_db
def test_neither_query_nor_key_in_a_path_is_logged(lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = Client()
    client.get(f"/integrations/microsoft/callback/?code={SECRET}&state={SECRET}")
    client.get(f"/auth/password/reset/key/{SECRET}/")
    client.get(f"/{SECRET}/")

    answered = [line for line in lines() if line["event"] == "request.answered"]
    assert len(answered) == 3
    assert SECRET not in json.dumps(lines())
    assert answered[0]["path"] == "/integrations/microsoft/callback/"


@pytest.mark.parametrize("path", ["/healthz"])
def test_a_load_balancers_questions_are_not_logged(path: str, lines: Callable[[], list[dict[str, Any]]]) -> None:
    Client().get(path)

    assert lines() == []
