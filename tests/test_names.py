"""Class names are unique, so that a search for one leads to one place."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app"


def test_class_names_are_unique() -> None:
    names = [
        node.name
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert len(names) > 100
    assert [name for name, count in Counter(names).items() if count > 1] == []
