"""Tables that leave the portal as CSV: streamed, readable by Excel, and without a cell that it would carry out."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

BOM = "\ufeff"  # else Excel takes UTF-8 for the code page of its computer
ROWS_AT_ONCE = 500
# A spreadsheet takes a text that begins so for a formula (the wide ones are what a Japanese keyboard types).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def stream(filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A download. `rows` is read while it is being sent, so it may be a queryset's `iterator()`."""
    return StreamingHttpResponse(
        _encoded(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=filename)},
    )


def harmless(cell: object) -> object:
    """Text that a spreadsheet would carry out gets an apostrophe before it; numbers and all else stay."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _encoded(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    remaining = iter(rows)
    yield (BOM + str(writer.writerow([harmless(cell) for cell in header]))).encode()
    while batch := list(itertools.islice(remaining, ROWS_AT_ONCE)):
        yield "".join(str(writer.writerow([harmless(cell) for cell in row])) for row in batch).encode()


class _Echo:
    """A file for `csv` that hands each line straight back."""

    def write(self, line: str) -> str:
        return line
