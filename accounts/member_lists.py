"""Reading a list of addresses, as a CSV file or as pasted text: lines that are understood, or one clear sentence."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 100_000
LONGEST_ADDRESS = 254

_EMAIL, _ACTION = ("email", "e-mail"), ("action",)
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_IN_BRACKETS = re.compile(r"<([^<>]*)>")


class Unreadable(Exception):
    """The list as a whole cannot be used. The text says why, and what to do."""


class Action(StrEnum):
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True)
class Wish:
    """One line: whom it names, and what is to be done. With `trouble` it says nothing that could be done."""

    number: int
    email: str
    action: Action
    trouble: str = ""
    # The line that says the same already.
    same_as: int | None = None


def read_file(data: bytes) -> list[Wish]:
    """Raises Unreadable."""
    text = _decoded(data)
    if not text.strip():
        raise Unreadable("The file is empty. Choose a file with at least one address.")
    return _read_table(text)


def read_pasted(text: str) -> list[Wish]:
    """A table as in a file, or addresses with anything between them. Raises Unreadable."""
    if "\0" in text:
        raise Unreadable("The text holds a character that is no text (NUL). Paste the addresses alone.")
    text = text.removeprefix("\ufeff")
    if _column(_cells(_heading(text)), _EMAIL) is not None:
        return _read_table(text)
    return _complete(_judged(enumerate(((address, "") for address in _addresses(text)), start=1)))


def _decoded(data: bytes) -> str:
    if data.startswith(_PACKED):
        raise Unreadable(
            "This is no text file but a workbook or another document. Save it as “CSV UTF-8 (comma delimited)” and "
            "choose that file."
        )
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise Unreadable(
            f"Line {line:,} is not written in UTF-8. Save the file as “CSV UTF-8 (comma delimited)” and choose it "
            "again."
        ) from problem
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(
            f"Line {line:,} holds a character that is no text (NUL). Save the file as “CSV UTF-8 (comma delimited)” "
            "and choose it again."
        )
    return text


def _read_table(text: str) -> list[Wish]:
    rows = _rows(text)
    _, heading = next(rows, (0, []))
    email, action = _column(heading, _EMAIL), _column(heading, _ACTION)
    if email is None:
        said = ", ".join(heading)[:80]
        raise Unreadable(
            f"The first line must name the columns, and one of them must be “email”. It says “{said}”. Add a first "
            "line, or paste the addresses alone."
        )
    cells = ((number, (_cell(row, email), _cell(row, action))) for number, row in rows)
    return _complete(_judged(cells))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(_heading(text)), strict=True)
    number = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield number, row
            number = reader.line_num + 1
    except csv.Error as problem:
        raise Unreadable(
            f"Line {number:,} cannot be read: a quotation mark is not closed, or stands in the middle of a cell, or a "
            "cell is far too long. Mend the line and choose the file again."
        ) from problem


def _heading(text: str) -> str:
    return next((line for line in io.StringIO(text, newline="") if line.strip()), "")


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _cells(heading: str) -> list[str]:
    return [cell.strip().strip('"') for cell in heading.split(_delimiter(heading))]


def _column(heading: list[str], names: tuple[str, ...]) -> int | None:
    found = [place for place, name in enumerate(heading) if name.strip().casefold() in names]
    if len(found) > 1:
        raise Unreadable(f"Two columns are called “{names[0]}”. Keep one of them and choose the file again.")
    return found[0] if found else None


def _cell(row: list[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _addresses(text: str) -> Iterator[str]:
    """Between commas, semicolons and ends of lines: “alice@…”, “Alice <alice@…>”, or several with blanks between."""
    for piece in re.split(r"[,;\r\n]", text):
        in_brackets = _IN_BRACKETS.search(piece)
        yield from [in_brackets[1].strip()] if in_brackets else piece.split()


def _judged(lines: Iterable[tuple[int, tuple[str, str]]]) -> Iterator[Wish]:
    known: dict[str, Wish] = {}
    for number, (email, word) in lines:
        wish = _wish(number, email[:LONGEST_ADDRESS].lower(), word, _no_address(email))
        former = known.get(wish.email)
        if wish.trouble:
            yield wish
        elif former is None:
            known[wish.email] = wish
            yield wish
        elif former.action == wish.action:
            yield Wish(number, wish.email, wish.action, same_as=former.number)
        else:
            yield Wish(number, wish.email, wish.action, f"Line {former.number:,} says something else for this address.")


def _wish(number: int, email: str, word: str, trouble: str) -> Wish:
    try:
        action = Action(word.casefold() or Action.ADD)
    except ValueError:
        action, trouble = Action.ADD, trouble or f"The action “{word[:40]}” is neither “add” nor “remove”."
    return Wish(number, email, action, trouble)


def _no_address(email: str) -> str:
    if not email:
        return "There is no address on this line."
    before, at, after = email.rpartition("@")
    is_address = before and at and after and len(email) <= LONGEST_ADDRESS and not re.search(r"\s", email)
    return "" if is_address else "This is not an e-mail address."


def _complete(wishes: Iterator[Wish]) -> list[Wish]:
    found: list[Wish] = []
    for wish in wishes:
        if len(found) == MOST_LINES:
            raise Unreadable(
                f"There are more than {MOST_LINES:,} lines. Split the list and bring its parts one by one."
            )
        found.append(wish)
    if not found:
        raise Unreadable("There is no address in it. Add at least one.")
    return found
