"""Every trouble of the token endpoint, in every piece of work that asks it.

After each: the state is true, the work goes on once the trouble is over, and nothing was done twice. Most faults are
rules of the simulated Microsoft 365 and come over the wire; what no Microsoft would answer is put between. Processes
and servers that die are in tests/journeys/test_gone.py.

The refresh meets every fault, the others one of each kind; `python -m tests.soaks.faults` lets all meet all.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from requests.adapters import BaseAdapter

from accounts import outbound
from accounts.models import AuditEntry, Letter, User
from integrations import connecting, disconnecting, tokens
from integrations.failures import Outcome, Reason
from integrations.microsoft import http
from integrations.models import Connection, ConsentRequest, Ending, State, Step
from tests.integrations.holding import again, used_up
from tests.integrations.test_failures import TOKEN_ANSWERS
from tests.integrations.wired import answered, asked, assert_ended, connected, redeemed, row
from tests.simulated import Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.once]

Answer = Callable[[], requests.Response]
Twist = Callable[[Answer], requests.Response]

LOST, OURS, GONE = Outcome.AUTHORIZATION_LOST, Outcome.CREDENTIAL_REFUSED, Outcome.APP_GONE
THROTTLED, UNREACHABLE = Outcome.THROTTLED, Outcome.UNREACHABLE
AFTERWARDS = timedelta(hours=2)  # longer than any wait that a fault here asks for


# ── The troubles ────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Fault:
    """`steps` are a rule of the simulated Microsoft; `twist` comes between it and the portal."""

    name: str
    outcome: Outcome
    reason: Reason | None = None
    steps: tuple[dict[str, Any], ...] = ()
    twist: Twist | None = None
    within: float = 15  # seconds that the portal has for it

    @property
    def kind(self) -> object:
        return self.outcome, self.reason, self.name.partition(":")[0].partition(",")[0] if not self._is_refusal else ""

    @property
    def is_late(self) -> bool:
        return any("latency_ms" in step for step in self.steps)

    @property
    def is_reset(self) -> bool:
        return any("reset" in step for step in self.steps)

    @property
    def _is_refusal(self) -> bool:
        return any("aadsts" in step for step in self.steps)


def _refusals() -> Iterator[Fault]:
    """Of the documented ones those that come with a number, once each."""
    seen = {0}
    for case, rows in TOKEN_ANSWERS.items():
        for number, error, status, _, outcome, reason in rows:
            if number not in seen and error:
                seen.add(number)
                step = {"aadsts": number, "status": status, "code": error}
                yield Fault(f"{case} ({number})", outcome, reason, (step,))


def _page(status: int = 200, body: bytes = b"", **headers: str) -> Twist:
    def twist(_: Answer) -> requests.Response:
        made = requests.Response()
        made.status_code, made._content = status, body
        made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return made

    return twist


def _raises(problem: Exception) -> Twist:
    def twist(_: Answer) -> requests.Response:
        raise problem

    return twist


def _answer_lost(answer: Answer) -> requests.Response:
    """Microsoft did what it was asked to, and nobody heard of it."""
    answer()
    raise requests.ConnectionError("Connection reset by peer")


HTML = b"<!doctype html><title>Blocked</title><p>Your network administrator &amp; friends"
FAULTS = [
    *_refusals(),
    # Never there, or not in time.
    Fault("the connection is reset", UNREACHABLE, Reason.NO_ANSWER, ({"reset": True},)),
    Fault("late and then trouble", UNREACHABLE, Reason.NO_ANSWER, ({"latency_ms": 700, "status": 503},), within=0.25),
    Fault("late and then a no", UNREACHABLE, Reason.NO_ANSWER, ({"latency_ms": 700, "aadsts": 50173},), within=0.25),
    Fault("read timeout", UNREACHABLE, Reason.NO_ANSWER, twist=_raises(requests.ReadTimeout())),
    Fault("connect timeout", UNREACHABLE, Reason.NO_ANSWER, twist=_raises(requests.ConnectTimeout())),
    Fault("broken TLS", UNREACHABLE, Reason.NO_ANSWER, twist=_raises(requests.exceptions.SSLError())),
    Fault("half an answer", UNREACHABLE, Reason.NO_ANSWER, twist=_raises(requests.exceptions.ChunkedEncodingError())),
    # Storms.
    *(
        Fault(f"{status} again and again", UNREACHABLE, Reason.SERVICE_TROUBLE, ({"status": status},))
        for status in (500, 502, 503, 504)
    ),
    Fault("503 until a date", UNREACHABLE, Reason.SERVICE_TROUBLE, (
        {"status": 503, "retry_after": 9, "retry_after_as": "date"},
    )),
    # 429 with all that Retry-After can be.
    *(
        Fault(f"429, Retry-After {after} as {form}", THROTTLED, Reason.TOO_MANY_REQUESTS, (
            {"status": 429, "retry_after": after, "retry_after_as": form},
        ))
        for after, form in ((0, "seconds"), (17, "seconds"), (86400, "seconds"), (17, "date"), (17, "none"))
    ),
    *(
        Fault(f"429, Retry-After {value!r}", THROTTLED, Reason.TOO_MANY_REQUESTS, twist=_page(429, Retry_After=value))
        for value in ("1.5", "-3", "soon", "1e999", "nan", "99999999999", "5, 5", "Wed, 21 Oct 2015 07:28:00 GMT", "")
    ),
    # What is no answer of Microsoft's.
    *(
        Fault(f"garbage: {name}", UNREACHABLE, Reason.SERVICE_TROUBLE, twist=twist)
        for name, twist in {
            "a page": _page(200, HTML, Content_Type="text/html"),
            "a page with 400": _page(400, HTML, Content_Type="text/html"),
            "a page that wants a proxy password": _page(407, HTML, Proxy_Authenticate="Basic"),
            "401 of something else": _page(401, HTML, WWW_Authenticate="Negotiate"),
            "a redirect": _page(302, b"", Location="https://portal.example/login"),
            "nothing": _page(200),
            "204": _page(204),
            "half of it": _page(200, b'{"access_token": "eyJ0'),
            "not even text": _page(200, b"\xff\xfe\x00\x80"),
            "a list": _page(200, b"[1, 2]"),
            "a list of lists of lists": _page(200, b"[" * 100_000),
            "an endless number": _page(200, b'{"expires_in": ' + b"9" * 5000 + b"}"),
            "null": _page(200, b"null"),
            "an empty object": _page(200, b"{}"),
            "no token": _page(200, b'{"token_type": "Bearer", "expires_in": 3599}'),
            "a token that is none": _page(200, b'{"access_token": 7, "expires_in": 3599, "token_type": "Bearer"}'),
            "an empty token": _page(200, b'{"access_token": "", "expires_in": 3599, "token_type": "Bearer"}'),
            "it lasts soon": _page(200, b'{"access_token": "x", "expires_in": "soon", "token_type": "Bearer"}'),
            "it lasts nothing": _page(200, b'{"access_token": "x", "expires_in": null, "token_type": "Bearer"}'),
            "it lasts for ever": _page(200, b'{"access_token": "x", "expires_in": 1e400, "token_type": "Bearer"}'),
            "an error of another kind": _page(400, b'{"error": {"code": "BadGateway", "message": "Oh."}}'),
            "an error in prose": _page(400, b'{"error": "Please come back tomorrow"}'),
        }.items()
    ),
]  # fmt: skip
ONE_OF_EACH = list({fault.kind: fault for fault in FAULTS}.values())
MET = FAULTS if os.environ.get("MERIDIAN_WHOLE_MATRIX") else ONE_OF_EACH
EXPECTED = {LOST: State.NEEDS_REAUTH, OURS: State.PAUSED, GONE: State.PAUSED}


# ── How they come ───────────────────────────────────────────────────────────
class Between(BaseAdapter):
    """Between the portal and Microsoft, on the way of requests for tokens, where a test asks for it."""

    def __init__(self, below: BaseAdapter) -> None:
        super().__init__()
        self.below = below
        self.withheld = 0
        self.twist: Twist | None = None
        self.meanwhile: Callable[[], object] | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if not (request.url or "").endswith("/oauth2/v2.0/token"):
            return self.below.send(request, *args, **kwargs)
        if self.meanwhile:
            self.meanwhile()
        self.withheld += 1

        def answer() -> requests.Response:
            self.withheld -= 1
            return self.below.send(request, *args, **kwargs)

        response = self.twist(answer) if self.twist else answer()
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        self.below.close()


@dataclass
class Wire:
    """How the portal and Microsoft are connected."""

    microsoft: Simulator
    between: Between

    @property
    def sent(self) -> int:
        """How often a token was asked for."""
        counted = self.microsoft.control("GET", "state")["requests"]["token"]
        return self.between.withheld + int(sum(line["count"] for line in counted))

    @contextmanager
    def trouble(self, fault: Fault) -> Iterator[None]:
        place, session = f"{self.microsoft.origin}/", http.session()
        if fault.steps:
            self.microsoft.control("POST", "faults", {"target": "token", "seconds": 600, "steps": list(fault.steps)})
        self.between.twist = fault.twist
        if fault.twist or self.between.meanwhile:
            session.mount(place, self.between)
        try:
            with outbound.deadline(timedelta(seconds=fault.within)):
                yield
            if fault.is_late:
                time.sleep(0.8)  # until Microsoft, too, has come to its end
        finally:
            session.adapters.pop(place, None)
            self.between.withheld += fault.is_reset  # those Microsoft does not count
            if fault.steps:
                self.microsoft.control("DELETE", "faults")


@pytest.fixture
def wire(microsoft: Simulator) -> Wire:
    return Wire(microsoft, Between(http.session().get_adapter(microsoft.origin)))


@dataclass
class Written:
    """What is in the log and in the post since then."""

    entries: int
    letters: int

    @classmethod
    def now(cls) -> Written:
        return cls(AuditEntry.objects.count(), Letter.objects.count())

    def actions(self) -> list[str]:
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)[self.entries :])

    def posted(self) -> int:
        return Letter.objects.count() - self.letters


# ── Refresh ─────────────────────────────────────────────────────────────────
def test_refresh(alice: User, microsoft: Simulator, wire: Wire, subtests: Any) -> None:
    connection = used_up(connected(alice, microsoft))
    calm = row(Connection, connection.pk)

    for fault in FAULTS:
        with subtests.test(fault=fault.name):
            Connection.objects.filter(pk=connection.pk).update(**calm)
            _refresh_under(fault, connection, wire)


def _refresh_under(fault: Fault, connection: Connection, wire: Wire) -> None:
    now, written, kept = timezone.now(), Written.now(), again(connection).refresh_token

    with wire.trouble(fault):
        tokens.refresh(again(connection), now=now)

    after, sent = again(connection), wire.sent
    assert after.state == EXPECTED.get(fault.outcome, State.DEGRADED)
    assert fault.reason is None or after.reason == fault.reason
    assert (after.since_at, after.failed_at, after.lease_until) == (now, now, None)
    if fault.outcome is LOST:
        assert (after.refresh_token, after.refresh_due_at) == ("", None)
        assert (written.actions(), written.posted()) == (["calendar.authorization_lost"], 1)
        tokens.refresh(again(connection), now=now + AFTERWARDS)
        assert (wire.sent, again(connection).state) == (sent, State.NEEDS_REAUTH), "a no is not asked for again"
    else:
        assert after.refresh_token == kept
        assert after.refresh_due_at is not None
        assert now < after.refresh_due_at <= now + timedelta(hours=1)
        tokens.refresh(again(connection), now=now + AFTERWARDS)
        assert (again(connection).state, again(connection).reason) == (State.CONNECTED, "")
        assert wire.sent == sent + 1
        assert (written.actions(), written.posted()) == ([], 0)


def test_a_refresh_whose_answer_is_lost_goes_on(alice: User, microsoft: Simulator, wire: Wire) -> None:
    connection = used_up(connected(alice, microsoft))
    now, fault = timezone.now(), Fault("answer lost", UNREACHABLE, twist=_answer_lost)

    with wire.trouble(fault):
        tokens.refresh(again(connection), now=now)
    during = again(connection)
    tokens.refresh(again(connection), now=now + AFTERWARDS)

    assert (during.state, during.reason) == (State.DEGRADED, Reason.NO_ANSWER)
    assert again(connection).state == State.CONNECTED


def _identified_by(value: object) -> Twist:
    """The answer is good but for who it says that it is."""

    def twist(answer: Answer) -> requests.Response:
        response = answer()
        response._content = json.dumps(response.json() | {"id_token": value, "client_info": value}).encode()
        return response

    return twist


NOBODY = ["garbage", "a.b.c", "e30.W10.x", "", None, ["a list"]]


@pytest.mark.parametrize("value", NOBODY, ids=repr)
def test_a_renewal_is_kept_whatever_stands_beside_it(
    value: object, alice: User, microsoft: Simulator, wire: Wire
) -> None:
    connection = used_up(connected(alice, microsoft))

    with wire.trouble(Fault("odd identity", UNREACHABLE, twist=_identified_by(value))):
        tokens.refresh(again(connection), now=timezone.now())

    after = again(connection)
    assert (after.state, after.token_version) == (State.CONNECTED, connection.token_version + 1)


@pytest.mark.parametrize("value", NOBODY, ids=repr)
def test_who_proves_nothing_is_not_trusted(value: object, alice: User, microsoft: Simulator, wire: Wire) -> None:
    consent = answered(alice, microsoft)

    with wire.trouble(Fault("odd identity", UNREACHABLE, twist=_identified_by(value))):
        redeemed(consent)

    assert_ended(consent, Ending.UNTRUSTED)
    assert not Connection.objects.exists()


# ── Consent, for the first time and once more ───────────────────────────────
@pytest.mark.parametrize("is_renewal", [False, True], ids=["consent", "reconnect"])
def test_consent(is_renewal: bool, alice: User, microsoft: Simulator, wire: Wire, subtests: Any) -> None:
    lost = _lost(connected(alice, microsoft)) if is_renewal else None
    waiting = answered(alice, microsoft)

    for fault in MET:
        with subtests.test(fault=fault.name):
            if ConsentRequest.objects.filter(pk=waiting.pk).exclude(step=Step.ANSWERED).exists():
                _as_before(alice, lost)
                waiting = answered(alice, microsoft)
            _redeem_under(fault, waiting, lost, wire)


def _redeem_under(fault: Fault, consent: ConsentRequest, lost: dict[str, Any] | None, wire: Wire) -> None:
    as_answered, written, sent = row(ConsentRequest, consent.pk), Written.now(), wire.sent

    with wire.trouble(fault):
        redeemed(consent)

    assert wire.sent == sent + 1, "the code is sent once"
    awaits = fault.reason is Reason.ADMIN_APPROVAL
    if not awaits:
        assert _connection_row(consent.user) == lost, "what there was stays as it was"
    if fault.outcome in (LOST, GONE):
        spent = fault.reason in (Reason.CODE_SPENT, Reason.CODE_REFUSED, Reason.GRANT_EXPIRED, Reason.GRANT_UNKNOWN)
        assert (consent.step, consent.reason) == (Step.FAILED, Ending.INTERRUPTED if spent else fault.reason)
        assert consent.code
        redeemed(consent, after=AFTERWARDS)
        assert wire.sent == sent + 1, "what has ended is not begun again"
        assert "calendar.connected" not in written.actions()
        if not awaits:
            ConsentRequest.objects.filter(pk=consent.pk).update(**as_answered)  # Microsoft spent nothing
        return
    assert (consent.step, consent.ended_at, consent.claimed_until) == (Step.ANSWERED, None, None)
    assert consent.pk not in connecting.to_redeem(now=timezone.now())
    soon = consent.not_before or timezone.now()
    assert consent.pk in connecting.to_redeem(now=soon)
    redeemed(consent, after=soon - timezone.now() + timedelta(seconds=1))
    if soon >= consent.expires_at:
        assert (consent.step, consent.reason) == (Step.FAILED, Ending.INTERRUPTED), "nobody waits for a dead code"
        assert (wire.sent, _connection_row(consent.user)) == (sent + 1, lost)
        return
    assert (consent.step, consent.reason if consent.step == Step.FAILED else "") == (Step.DONE, "")
    connection = Connection.objects.get(user=consent.user)
    assert (connection.state, connection.reason) == (State.CONNECTED, "")
    assert lost is None or connection.pk == lost["id"]
    assert written.actions() == ["calendar.connected"]
    assert written.posted() == 0


@pytest.mark.parametrize("is_renewal", [False, True], ids=["consent", "reconnect"])
def test_a_code_lost_in_flight_ends_as_not_connected_press_again(
    is_renewal: bool, alice: User, microsoft: Simulator, wire: Wire
) -> None:
    lost = _lost(connected(alice, microsoft)) if is_renewal else None
    consent, codes = answered(alice, microsoft), asked(microsoft, "authorization_code")

    with wire.trouble(Fault("answer lost", UNREACHABLE, twist=_answer_lost)):
        redeemed(consent)
    as_it_is = _connection_row(alice)
    redeemed(consent, after=timedelta(minutes=1))

    assert (consent.step, consent.reason, consent.code) == (Step.FAILED, Ending.INTERRUPTED, "AADSTS54005")
    assert as_it_is == _connection_row(alice) == lost
    assert asked(microsoft, "authorization_code") == codes + 2
    assert redeemed(answered(alice, microsoft)).step == Step.DONE, "Authorize, pressed again"


# ── Disconnect, while Microsoft is asked ────────────────────────────────────
def test_disconnect(alice: User, microsoft: Simulator, wire: Wire, subtests: Any) -> None:
    connection = used_up(connected(alice, microsoft))
    calm = row(Connection, connection.pk)
    wire.between.meanwhile = lambda: disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    for fault in [*MET, Fault("none at all", UNREACHABLE), Fault("answer lost", UNREACHABLE, twist=_answer_lost)]:
        with subtests.test(fault=fault.name):
            Connection.objects.filter(pk=connection.pk).update(**calm)
            written = Written.now()

            with wire.trouble(fault):
                tokens.refresh(again(connection), now=timezone.now())

            sent = wire.sent
            tokens.refresh(again(connection), now=timezone.now() + AFTERWARDS)
            after = again(connection)
            assert (after.state, after.reason) == (State.DISCONNECTED, "")
            assert (after.refresh_token, after.access_token, after.refresh_due_at) == ("", "", None)
            assert (written.actions(), written.posted()) == (["calendar.disconnected"], 0)
            assert wire.sent == sent, "nobody asks for what was given up"


def test_disconnect_while_a_code_is_redeemed(alice: User, microsoft: Simulator, wire: Wire, subtests: Any) -> None:
    before = _lost(connected(alice, microsoft))
    waiting = answered(alice, microsoft)
    as_answered = row(ConsentRequest, waiting.pk)
    wire.between.meanwhile = lambda: disconnecting.disconnect(alice, actor=alice, now=timezone.now())

    for fault in [*MET, Fault("none at all", UNREACHABLE)]:
        with subtests.test(fault=fault.name):
            _as_before(alice, before)
            ConsentRequest.objects.filter(pk=waiting.pk).update(**as_answered)
            written = Written.now()

            with wire.trouble(fault):
                redeemed(waiting)

            assert (waiting.step, waiting.reason) == (Step.FAILED, Ending.SUPERSEDED)
            assert [waiting.flow, waiting.answer, waiting.tokens] == ["", "", ""]
            assert Connection.objects.get(user=alice).state == State.DISCONNECTED
            assert written.actions() == ["calendar.disconnected"]


def _lost(connection: Connection) -> dict[str, Any]:
    gone = {"refresh_token": "", "access_token": "", "access_expires_at": None, "refresh_due_at": None}
    Connection.objects.filter(pk=connection.pk).update(
        state=State.NEEDS_REAUTH, reason=Reason.SESSIONS_REVOKED, since_at=timezone.now(), **gone
    )
    return row(Connection, connection.pk)


def _as_before(person: User, lost: dict[str, Any] | None) -> None:
    if lost is None:
        Connection.objects.filter(user=person).delete()
    else:
        Connection.objects.filter(user=person).update(**lost)


def _connection_row(person: User) -> dict[str, Any] | None:
    found = Connection.objects.filter(user=person).first()
    return row(Connection, found.pk) if found else None
