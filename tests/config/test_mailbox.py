"""The demo's mailbox: what the file backend wrote is read back as it was sent, and nothing else is."""

from __future__ import annotations

import html
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from config import mail_files

pytestmark = pytest.mark.django_db
FILED = "django.core.mail.backends.filebased.EmailBackend"
LINE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="\x85"), max_size=60)
WORDS = LINE.map(lambda line: " ".join(line.split()))


@pytest.fixture
def directory(settings: Any, tmp_path: Path) -> Path:
    """Where the letters of this test are; and the page is there."""
    settings.MAILBOX_PAGE = True
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILED, str(tmp_path / "mail")
    return tmp_path / "mail"


def send(*messages: EmailMessage) -> None:
    """Over one connection, as a worker does: all in one file."""
    get_connection().send_messages(list(messages))


def letter(subject: str = "Hello", text: str = "Well?", to: str = "alice@kestrel.example") -> EmailMessage:
    return EmailMessage(subject, text, to=[to])


def write(directory: Path, name: str, content: bytes) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(content)


def page(path: str = "/mailbox/") -> str:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.status_code
    return html.unescape(answer.content.decode())


# ── What was written ────────────────────────────────────────────────────────
@hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(subject=WORDS, lines=st.lists(LINE, max_size=5), number=st.integers(1, 3))
def test_every_letter_is_read_back_as_it_was_sent(
    subject: str, lines: list[str], number: int, settings: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings.EMAIL_BACKEND = FILED
    settings.EMAIL_FILE_PATH = str(tmp_path_factory.mktemp("mail"))
    text = "\n".join(line.rstrip() for line in lines).strip()

    send(*[letter(subject, text)] * number)

    read = mail_files.read(Path(settings.EMAIL_FILE_PATH))
    assert [(mail.subject, mail.text, mail.to) for mail in read] == [(subject, text, "alice@kestrel.example")] * number
    assert len({mail.id for mail in read}) == number


def test_several_in_one_file_are_several_letters_the_newest_first(directory: Path) -> None:
    send(letter("One"), letter("Two — zwei", "Grüße"), letter("Three"))

    assert [mail.subject for mail in mail_files.read(directory)] == ["Three", "Two — zwei", "One"]


def test_a_line_of_dashes_in_a_letter_ends_nothing(directory: Path) -> None:
    dashes = "-" * 79
    send(letter(text=f"Above\n{dashes}\nBelow"), letter("Next"))

    first, second = reversed(mail_files.read(directory))
    assert first.text == f"Above\n{dashes}\nBelow"
    assert (second.subject, second.text) == ("Next", "Well?")


def test_of_a_letter_with_html_the_text_is_shown(directory: Path) -> None:
    message = EmailMultiAlternatives("Both", "In words", to=["alice@kestrel.example"])
    message.attach_alternative("<p>In colours</p>", "text/html")
    send(message)

    assert mail_files.read(directory)[0].text == "In words"


@pytest.mark.parametrize(
    ("content", "subjects"),
    [
        (b"", []),
        (b"\x00\xff nonsense", []),
        (b"-" * 79 + b"\n" + b"-" * 79, []),
        (b"Subject: half\nFrom: a@b.example", ["half"]),
        (b"From: a\nSubject: =?utf-8?b?%%%?=\n\nx", [""]),
        (b"From: a\nSubject: =?utf-8?b?abcde?=\n\nx", ["=?utf-8?b?abcde?="]),
        (b"From: a\nSubject: =?no-such-charset?q?x?=\n\nx", ["=?no-such-charset?q?x?="]),
        ("From: ä\nSubject: Grüße\nDate: never\n\nx".encode(), ["Grüße"]),
        (b"From: a\nSubject: bytes \xff\xfe\nDate: Mon, 32 Foo 2026\n\n\xff", ["bytes ��"]),
        (b"From: a\nSubject: odd\nContent-Type: text/plain; charset=none-such\n\nx", ["odd"]),
        (
            b"From: a\r\nSubject: windows\r\n\r\nx\r\n" + b"-" * 79 + b"\r\nFrom: b\r\nSubject: two\r\n\r\ny",
            ["two", "windows"],
        ),
        (b"From: a\nSubject: parts\nContent-Type: multipart/mixed\n\nno parts", ["parts"]),
    ],
)
def test_whatever_lies_there_is_survived(content: bytes, subjects: list[str], directory: Path) -> None:
    write(directory, "some.log", content)

    assert [mail.subject for mail in mail_files.read(directory)] == subjects
    for mail in mail_files.read(directory):
        page(f"/mailbox/{mail.id}/")


def test_a_letter_without_a_date_is_of_when_it_was_written(directory: Path) -> None:
    write(directory, "some.log", b"From: a\nSubject: undated\n\nx")
    os.utime(directory / "some.log", (1_000_000_000, 1_000_000_000))

    assert mail_files.read(directory)[0].sent_at == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_a_file_that_grows_is_read_again(directory: Path) -> None:
    write(directory, "some.log", b"From: a\nSubject: one\n\nx\n" + b"-" * 79 + b"\n")
    assert len(mail_files.read(directory)) == 1

    with (directory / "some.log").open("ab") as file:
        file.write(b"From: a\nSubject: two\n\nx\n" + b"-" * 79 + b"\n")

    assert len(mail_files.read(directory)) == 2


def test_only_what_lies_in_the_directory_is_read(directory: Path, tmp_path: Path) -> None:
    secret = b"From: a\nSubject: secret\n\nx"
    write(tmp_path, "outside.log", secret)
    write(directory, "notes.txt", secret)
    (directory / "deeper.log").mkdir()
    (directory / "link.log").symlink_to(tmp_path / "outside.log")

    assert mail_files.read(directory) == []
    for asked in ("outside-0", "..%2Foutside-0", "../outside-0", "link-0", "notes-0", "deeper-0"):
        assert Client().get(f"/mailbox/{asked}/").status_code == 404


# ── The pages ───────────────────────────────────────────────────────────────
def test_whoever_reaches_the_demo_reads_a_letter_and_follows_its_link(directory: Path) -> None:
    send(
        letter("Join Kestrel & Co", "Open this:\n\nhttp://localhost/invitation/eyJ:a-b_c=/\n\nBye (http://x.example).")
    )
    (mail,) = mail_files.read(directory)

    listed, shown = page(), page(f"/mailbox/{mail.id}/")

    assert f'<a href="/mailbox/{mail.id}/">Join Kestrel & Co</a>' in listed
    assert "alice@kestrel.example" in listed
    assert '<a href="http://localhost/invitation/eyJ:a-b_c=/" rel="noreferrer">' in shown
    assert '<a href="http://x.example" rel="noreferrer">http://x.example</a>).' in shown


def test_a_letter_is_text_whatever_it_holds(directory: Path) -> None:
    send(letter("<b>Bold</b>", '<script>alert(1)</script> javascript:alert(1) http://x.example/"onclick="alert(1)'))
    (mail,) = mail_files.read(directory)

    listed, shown = (Client().get(path).content.decode() for path in ("/mailbox/", f"/mailbox/{mail.id}/"))

    assert "&lt;b&gt;Bold&lt;/b&gt;" in listed
    assert "&lt;script&gt;alert(1)&lt;/script&gt; javascript:alert(1)" in shown
    assert '<a href="http://x.example/" rel="noreferrer">' in shown


def test_it_is_searched_by_person_subject_and_words(directory: Path) -> None:
    send(letter("Reconnect", "your calendar"), letter("Join", "Kestrel", "bob@kestrel.example"))

    assert "Join" not in page("/mailbox/?q=ALICE+calendar")
    assert "1–1 of 1 letter" in page("/mailbox/?q=ALICE+calendar")
    assert "Reconnect" not in page("/mailbox/?q=bob@kestrel")
    assert "No letter matches" in page("/mailbox/?q=carol")


def test_many_are_on_several_pages(directory: Path) -> None:
    send(*[letter(f"Number {number:02}.") for number in range(51)])

    assert "1–50 of 51 letters" in page()
    assert "Number 00." not in page()
    assert "Number 00." in page("/mailbox/?page=2")
    assert "Number 50." in page("/mailbox/?page=nonsense")


def test_before_anything_was_sent_it_says_so(directory: Path) -> None:
    assert "Nothing was written yet" in page()


def test_without_the_flag_there_is_no_such_page(directory: Path, settings: Any) -> None:
    send(letter())
    (mail,) = mail_files.read(directory)
    settings.MAILBOX_PAGE = False

    assert Client().get("/mailbox/").status_code == 404
    assert Client().get(f"/mailbox/{mail.id}/").status_code == 404


def test_no_cache_keeps_a_letter(directory: Path) -> None:
    assert "no-store" in Client().get("/mailbox/").headers["Cache-Control"]
