"""What Django's file backend has written, read back: letters, the newest first.

A file holds one or many, each followed by a line of dashes. Whoever reads may come while one is being written, and a
file may hold anything: what is no letter is passed over, and what cannot be decoded is shown as far as it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path

FILES_REMEMBERED = 10_000
_BETWEEN = re.compile(rb"^-{79}\r?$\n?", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s<>\"“”]*[^\s<>\"“”.,;:!?’)\]]")


@dataclass(frozen=True)
class Mail:
    # Of its file and its place in it.
    id: str
    to: str
    sender: str
    subject: str
    sent_at: datetime
    text: str

    def holds(self, words: list[str]) -> bool:
        """Every one of `words`, wherever it stands."""
        said = f"{self.to} {self.subject} {self.text}".casefold()
        return all(word.casefold() in said for word in words)


@dataclass(frozen=True)
class Piece:
    """A piece of a text: words, or an address to open."""

    text: str
    is_link: bool = False


def read(directory: Path) -> list[Mail]:
    """All that is there. Only what lies in the directory itself."""
    found = [(mail.sent_at, written, number, mail) for written, number, mail in _found(directory)]
    return [mail for *_, mail in sorted(found, key=lambda one: one[:3], reverse=True)]


def pieces(text: str) -> Iterator[Piece]:
    """With the addresses in it told apart; nothing else of it means anything."""
    at = 0
    for link in _LINK.finditer(text):
        yield Piece(text[at : link.start()])
        yield Piece(link[0], is_link=True)
        at = link.end()
    yield Piece(text[at:])


def _found(directory: Path) -> Iterator[tuple[int, int, Mail]]:
    try:
        files = [file for file in directory.iterdir() if file.suffix == ".log" and not file.is_symlink()]
    except OSError:
        return  # nothing was sent yet
    for file in files:
        try:
            stat = file.stat()
            mails = _mails(file, stat.st_mtime_ns, stat.st_size)
        except OSError:  # a directory, or gone meanwhile
            continue
        for number, mail in enumerate(mails):
            yield stat.st_mtime_ns, number, mail


@lru_cache(maxsize=FILES_REMEMBERED)
def _mails(file: Path, written: int, size: int) -> tuple[Mail, ...]:
    """`written` and `size` only tell this version of the file from others."""
    at = datetime.fromtimestamp(written / 1e9, UTC)
    chunks = _chunks(file.read_bytes())
    return tuple(_mail(f"{file.stem}-{number}", chunk, at) for number, chunk in enumerate(chunks))


def _chunks(content: bytes) -> list[bytes]:
    """One for each letter. A line of dashes may stand in a letter, too: then no letter begins after it."""
    chunks: list[bytes] = []
    for part in _BETWEEN.split(content):
        if _begins_a_letter(part):
            chunks.append(part)
        elif chunks and part.strip():
            chunks[-1] += b"-" * 79 + b"\n" + part
    return chunks


def _begins_a_letter(part: bytes) -> bool:
    head = re.split(rb"\r?\n\r?\n", part, maxsplit=1)[0]
    names = {line.partition(b":")[0].lower() for line in head.splitlines()}
    return {b"from", b"subject"} <= names


def _mail(mail_id: str, chunk: bytes, written_at: datetime) -> Mail:
    message = message_from_bytes(chunk)
    return Mail(
        id=mail_id,
        to=_header(message, "to"),
        sender=_header(message, "from"),
        subject=_header(message, "subject"),
        sent_at=_moment(message) or written_at,
        text=_text(message).strip(),
    )


def _header(message: Message, name: str) -> str:
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    plain = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return " ".join(str(make_header(decode_header(plain))).split())
    except (HeaderParseError, LookupError, ValueError):
        return " ".join(plain.split())


def _moment(message: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(_header(message, "date"))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(message: Message) -> str:
    plain = next((part for part in message.walk() if part.get_content_type() == "text/plain"), message)
    payload = plain.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(plain.get_content_charset("utf-8"), "replace")
    except LookupError:  # no such charset
        return payload.decode("utf-8", "replace")
