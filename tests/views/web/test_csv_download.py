from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from app.views.web import csv_download
from app.views.web.csv_download import csv_response


def read(app: Flask, rows: list[list[object]]) -> list[list[str]]:
    with app.test_request_context():
        body = csv_response("log.csv", ["Name", "Note"], rows).get_data(as_text=True)
    assert body.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"), "spreadsheets then read it as UTF-8"
    return list(csv.reader(io.StringIO(body[1:])))


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_spreadsheet_shows_formulas_instead_of_calculating_them(app: Flask, start: str) -> None:
    (_, row) = read(app, [[f"{start}cmd|' /C calc'!A0", -5]])
    assert row == [f"'{start}cmd|' /C calc'!A0", "-5"]


def test_quotes_commas_and_line_breaks_survive(app: Flask) -> None:
    texts = ['He said "no", twice', "Zoë\nWu"]
    assert read(app, [list(texts)])[1] == texts


def test_a_long_file_ends_with_a_sentence(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_download, "MAX_ROWS", 2)
    rows = read(app, [["a", 1], ["b", 2], ["c", 3]])
    assert [row[0] for row in rows[1:]] == [
        "a",
        "b",
        "This file ends after 2 rows. Filter the list to get the rest.",
    ]
    assert len(read(app, [["a", 1], ["b", 2]])) == 3
