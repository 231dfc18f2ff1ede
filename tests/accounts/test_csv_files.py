from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from django.http import StreamingHttpResponse
from hypothesis import given
from hypothesis import strategies as st

from accounts import csv_files


def _read(answer: StreamingHttpResponse) -> list[list[str]]:
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_table_is_a_download_that_excel_reads_as_utf_8() -> None:
    answer = csv_files.stream("people of Zürich.csv", ("E-mail", "Outcome"), [("zoë@kestrel.example", "Added.")])

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert b"".join(answer) == b"\xef\xbb\xbfE-mail,Outcome\r\nzo\xc3\xab@kestrel.example,Added.\r\n"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"])
def test_a_spreadsheet_carries_nothing_out(cell: str) -> None:
    assert _read(csv_files.stream("a.csv", ("Name",), [(cell,)]))[1:] == [["'" + cell]]


def test_numbers_and_ordinary_text_stay_as_they_are() -> None:
    assert _read(csv_files.stream("a.csv", ("A", "B", "C"), [(-1, "a=b", None)]))[1:] == [["-1", "a=b", ""]]


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2)
    )
)
def test_whatever_is_written_is_read_again(rows: list[list[str]]) -> None:
    answer = csv_files.stream("a.csv", ("A", "B"), rows)

    assert _read(answer)[1:] == [[str(csv_files.harmless(cell)) for cell in row] for row in rows]


def test_rows_are_read_while_they_are_sent() -> None:
    taken = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(10 * csv_files.ROWS_AT_ONCE):
            taken.append(number)
            yield (number,)

    parts = iter(csv_files.stream("a.csv", ("Number",), rows()))
    next(parts), next(parts)

    assert len(taken) == csv_files.ROWS_AT_ONCE
