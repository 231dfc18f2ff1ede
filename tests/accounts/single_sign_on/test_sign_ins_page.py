"""Account Management > Sign-in log: who may look, what is found, and the file of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import deleting, newest_first
from accounts.models import AuditEntry, IdentityProvider, Protocol, SignInEntry, User
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.searching import IN_WORDS, in_words
from tests.cast import FOUNDED, Cast, ClientOf

pytestmark = pytest.mark.django_db

NOW = FOUNDED + timedelta(days=30)
_number = count(1)


def made(cast: Cast, **what: Any) -> SignInEntry:
    given: dict[str, Any] = {
        "account": cast.kestrel,
        "at": NOW,
        "method": "password",
        "outcome": "signed_in",
        "reference": f"R{next(_number):07}",
    }
    return SignInEntry.objects.create(**given | what)


@pytest.fixture
def entra(kestrel: Any) -> IdentityProvider:
    return IdentityProvider.objects.create(
        account=kestrel,
        key="k1",
        name="Kestrel Entra",
        protocol=Protocol.SAML,
        issuer="https://sts.example/",
        email_claim="email",
        created_at=NOW,
        changed_at=NOW,
    )


@pytest.fixture
def history(cast: Cast, entra: IdentityProvider) -> Cast:
    """Three lines, a day between them: Alice by password; Bob by SAML, refused; somebody unknown, refused."""
    made(cast, user=cast.alice, email=cast.alice.email, reference="AAAA1111", ip_address="192.0.2.7")
    made(
        cast,
        user=cast.bob,
        email="bob@elsewhere.example",
        method="saml",
        provider=entra,
        outcome="refused",
        cause=Cause.AUDIENCE,
        detail="Audience <urn:other> was found.",
        reference="BBBB2222",
        at=NOW + timedelta(days=1),
    )
    made(
        cast,
        email="nobody@kestrel.example",
        outcome="refused",
        cause=Cause.WRONG_PASSWORD,
        reference="CCCC3333",
        at=NOW + timedelta(days=2),
    )
    return cast


def found(browser: Any, **query: str | int) -> list[str]:
    page = browser.get(reverse("sign_ins"), query).context["page"]
    return [entry.reference[:1] for entry in page.entries]


def rows(response: Any) -> list[dict[str, str]]:
    text: str = response.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


# ── Who may look ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["sign_ins", "sign_ins_csv"])
@pytest.mark.parametrize("who", ["bob", "gus"])
def test_members_and_group_admins_may_not(who: str, name: str, cast: Cast, client_of: ClientOf) -> None:
    assert client_of(getattr(cast, who)).get(reverse(name)).status_code == 403


def test_nothing_of_another_account_is_shown_or_found(history: Cast, client_of: ClientOf) -> None:
    mallory = client_of(history.mallory)
    bobs = SignInEntry.objects.get(reference="BBBB2222")

    for query in ({}, {"q": "bob"}, {"q": "BBBB2222"}, {"person": history.bob.pk}, {"newer": bobs.pk}):
        response = mallory.get(reverse("sign_ins"), query)
        assert response.context["page"].entries == ()
        assert "Bob" not in response.content.decode()
    assert rows(mallory.get(reverse("sign_ins_csv"))) == []


# ── What it shows ───────────────────────────────────────────────────────────
def test_a_line_says_all_there_is(history: Cast, client_of: ClientOf) -> None:
    text = client_of(history.dana).get(reverse("sign_ins"), {"cause": "audience"}).content.decode()

    for part in (
        f'<a href="/people/{history.bob.pk}/">Bob</a>',
        "bob@elsewhere.example",
        "SAML 2.0",
        "Kestrel Entra",
        "Refused",
        "Meant for somebody else than Meridian",
        "Audience &lt;urn:other&gt; was found.",
        "<code>BBBB2222</code>",
    ):
        assert part in text
    assert "192.0.2.7" not in text
    assert "192.0.2.7" in client_of(history.dana).get(reverse("sign_ins")).content.decode()


def test_times_are_the_readers(history: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=history.dana.pk).update(time_zone="Europe/Berlin")

    text = client_of(history.dana).get(reverse("sign_ins"), {"q": "alice"}).content.decode()

    assert 'datetime="2026-10-01T11:00:00+02:00"' in text


def test_every_cause_has_words() -> None:
    assert set(IN_WORDS) == set(Cause)
    assert in_words("of another release") == "of another release"
    assert in_words("") == ""


def test_an_empty_log_says_so(cast: Cast, client_of: ClientOf) -> None:
    text = client_of(cast.dana).get(reverse("sign_ins")).content.decode()

    assert "Nobody has signed in yet" in text
    assert "0 entries" in text
    assert "No line matches" in client_of(cast.dana).get(reverse("sign_ins"), {"q": "x"}).content.decode()


# ── Filters ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, "CBA"),
        ({"q": "ALICE"}, "A"),
        ({"q": "bob"}, "B"),
        ({"q": "bob@kestrel"}, "B"),  # the address of today
        ({"q": "elsewhere.example"}, "B"),
        ({"q": "cccc3333"}, "C"),
        ({"q": "urn:other"}, "B"),
        ({"q": "bob other"}, "B"),
        ({"q": "bob alice"}, ""),
        ({"q": "%"}, ""),
        ({"outcome": "refused"}, "CB"),
        ({"method": "saml"}, "B"),
        ({"cause": "wrong_password"}, "C"),
        ({"since": "2026-10-02"}, "CB"),
        ({"until": "2026-10-02"}, "BA"),
        ({"since": "2026-10-02", "until": "2026-10-02"}, "B"),
        ({"q": "bob", "outcome": "signed_in"}, ""),
    ],
)
def test_it_is_filtered(query: dict[str, str], wanted: str, history: Cast, client_of: ClientOf) -> None:
    dana = client_of(history.dana)

    response = dana.get(reverse("sign_ins"), query)

    assert [entry.reference[0] for entry in response.context["page"].entries] == list(wanted)
    assert response.context["chosen"].problems == []
    assert [row["Reference"][0] for row in rows(dana.get(reverse("sign_ins_csv"), query))] == list(wanted)


def test_it_is_filtered_by_one_person(history: Cast, client_of: ClientOf) -> None:
    dana = client_of(history.dana)

    assert found(dana, person=history.bob.pk) == ["B"]
    text = dana.get(reverse("sign_ins"), {"person": history.bob.pk}).content.decode()
    assert "Of Bob: show everybody’s instead" in text
    gone = dana.get(reverse("sign_ins"), {"person": history.mallory.pk}).content.decode()
    assert "Of a person who is no longer here" in gone


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\0"},
        {"q": "a" * 201},
        {"outcome": "perhaps"},
        {"method": "telepathy"},
        {"cause": "no such cause"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "2026-10-03", "until": "2026-10-02"},
        {"person": "9" * 30},
    ],
)
def test_nonsense_filters_nothing_and_is_said(query: dict[str, str], history: Cast, client_of: ClientOf) -> None:
    response = client_of(history.dana).get(reverse("sign_ins"), query)

    assert len(response.context["page"].entries) == 3
    assert len(response.context["chosen"].problems) == 1
    assert "It filters nothing." in response.content.decode()


# ── Paging ──────────────────────────────────────────────────────────────────
def many(cast: Cast, number: int) -> None:
    SignInEntry.objects.bulk_create(
        SignInEntry(
            account=cast.kestrel,
            at=NOW,
            method="password",
            outcome="signed_in",
            user=cast.bob,
            reference=f"M{next(_number):07}",
        )
        for _ in range(number)
    )


def test_paging_down_shows_each_line_once_and_keeps_the_filters(cast: Cast, client_of: ClientOf) -> None:
    many(cast, 120)
    dana = client_of(cast.dana)

    first = dana.get(reverse("sign_ins"), {"q": "bob"})
    pages = [first.context["page"]]
    while pages[-1].older:
        pages.append(dana.get(reverse("sign_ins"), {"q": "bob", "older": pages[-1].older}).context["page"])

    assert "?q=bob&amp;older=" in first.content.decode()
    assert [len(page.entries) for page in pages] == [50, 50, 20]
    assert len({entry.pk for page in pages for entry in page.entries}) == 120
    back = dana.get(reverse("sign_ins"), {"newer": pages[-1].newer}).context["page"]
    assert back.entries == pages[1].entries


@pytest.mark.parametrize("query", [{}, {"q": "bob", "outcome": "signed_in", "since": "2026-01-01"}])
def test_a_page_asks_as_often_for_many_as_for_few(query: dict[str, str], cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)
    many(cast, 51)
    with CaptureQueriesContext(connection) as few:
        dana.get(reverse("sign_ins"), query)

    many(cast, 200)
    with CaptureQueriesContext(connection) as more:
        dana.get(reverse("sign_ins"), query)

    assert len(more) == len(few) <= 6


# ── The file ────────────────────────────────────────────────────────────────
def test_the_file_has_every_column(history: Cast, client_of: ClientOf) -> None:
    User.objects.filter(pk=history.dana.pk).update(time_zone="Europe/Berlin")

    response = client_of(history.dana).get(reverse("sign_ins_csv"), {"q": "bob"})

    assert response.headers["Content-Disposition"].startswith('attachment; filename="sign-in log 2')
    assert response.headers["Cache-Control"] == "private, no-store"
    assert rows(response) == [
        {
            "Time in UTC": "2026-10-02T09:00:00+00:00",
            "Time in Europe/Berlin": "2026-10-02T11:00:00+02:00",
            "Person": "Bob",
            "E-mail": "bob@elsewhere.example",
            "Method": "SAML 2.0",
            "Identity provider": "Kestrel Entra",
            "Outcome": "Refused",
            "Cause": "Meant for somebody else than Meridian",
            "Exactly": "Audience <urn:other> was found.",
            "Reference": "BBBB2222",
            "IP address": "",
        }
    ]


def test_nothing_in_the_file_is_a_formula(cast: Cast, client_of: ClientOf) -> None:
    made(cast, email="=HYPERLINK(1)@x.example", outcome="refused", cause=Cause.NOBODY, detail="@now")

    (row,) = rows(client_of(cast.dana).get(reverse("sign_ins_csv")))

    assert (row["E-mail"], row["Exactly"]) == ("'=HYPERLINK(1)@x.example", "'@now")


def test_the_file_is_read_a_thousand_at_once(cast: Cast, client_of: ClientOf) -> None:
    many(cast, newest_first.AT_ONCE + 1)

    response = client_of(cast.dana).get(reverse("sign_ins_csv"))
    with CaptureQueriesContext(connection) as captured:
        assert len(rows(response)) == newest_first.AT_ONCE + 1

    assert len(captured) == 3


def test_the_download_is_in_the_audit_log_without_the_words(history: Cast, client_of: ClientOf) -> None:
    query: dict[str, str | int] = {"q": "urn", "cause": "audience", "person": history.bob.pk}

    client_of(history.dana).get(reverse("sign_ins_csv"), query)

    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.about_id) == ("sign_ins.exported", history.bob.pk)
    assert entry.after == {"search_words": "some", "person": "Bob", "cause": "audience"}
    assert client_of(history.dana).head(reverse("sign_ins_csv")).status_code == 405


def test_the_link_to_the_file_keeps_the_filters(history: Cast, client_of: ClientOf) -> None:
    text = client_of(history.dana).get(reverse("sign_ins"), {"q": "bob", "older": "1"}).content.decode()

    assert f'href="{reverse("sign_ins_csv")}?q=bob"' in text


def test_a_line_of_the_future_is_not_in_the_file(cast: Cast, client_of: ClientOf) -> None:
    """What is written while the file is sent."""
    made(cast, at=datetime.now(UTC) + timedelta(hours=1))
    made(cast, at=timezone.now() - timedelta(hours=1))

    assert len(rows(client_of(cast.dana).get(reverse("sign_ins_csv")))) == 1


def test_of_somebody_who_is_deleted_only_the_sign_in_itself_stays(history: Cast, client_of: ClientOf) -> None:
    made(history, email=history.bob.email.upper(), outcome="refused", cause=Cause.NOT_JOINED, detail="bob")
    made(history, account=history.corvid, email=history.bob.email, detail="bob")

    deleting.delete(history.bob, actor=history.dana, now=NOW)

    assert found(client_of(history.dana), q="bob") == []
    left = SignInEntry.objects.filter(account=history.kestrel, outcome="refused", email="")
    assert [(line.detail, line.ip_address, line.user) for line in left] == [("", None, None)] * 2
    assert SignInEntry.objects.get(account=history.corvid).detail == "bob"
    assert found(client_of(history.dana), q="alice") == ["A"]
