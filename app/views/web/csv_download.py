"""Streams a table as a CSV file (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context
from flask_babel import format_decimal
from flask_babel import gettext as _

MAX_ROWS = 50_000
ROWS_PER_CHUNK = 200
# A spreadsheet calculates a cell that begins with one of these.
FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)


def csv_response(filename: str, header: Sequence[object], rows: Iterable[Sequence[object]]) -> Response:
    """Stream a table as a download. After `MAX_ROWS` rows a last line says that there are more.

    Args:
        filename: ASCII, with its ending.
        rows: read while the response is sent, within the request.
    """
    response = Response(stream_with_context(_chunks(header, rows)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    response.headers["Cache-Control"] = "no-store"
    return response


def _chunks(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    # The byte order mark tells spreadsheets that this is UTF-8.
    buffer = io.StringIO("\N{ZERO WIDTH NO-BREAK SPACE}")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow(map(safe_cell, header))
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            most = format_decimal(MAX_ROWS)
            writer.writerow(
                [_("This file ends after %(most)s rows. Filter the list to get the rest.", most=most)]
            )
            break
        writer.writerow(map(safe_cell, row))
        if number % ROWS_PER_CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def safe_cell(value: object) -> str:
    """Convert a value to text, with an apostrophe before what a spreadsheet would calculate."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not isinstance(value, int | float) else text
