"""The documentation names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("CONTRIBUTING.md", "README.md", "docs/architecture.md", "docs/channels.md", "docs/security.md")
PATH = re.compile(r"(?<![\w/.])(?:app|bench|bin|docs|migrations|tests)/[\w./-]*\w")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# Files that the worked examples add, and those that a translation adds.
NOT_HERE = {"app/channels/chat.py", "app/translations"}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_the_documentation_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    paths = set(PATH.findall(text)) - NOT_HERE
    assert paths
    missing = sorted(path for path in paths if not (ROOT / path).exists())
    assert not missing, f"{page} names {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_between_pages_leads_to_a_file(page: str) -> None:
    folder = (ROOT / page).parent
    missing = [target for target in LINK.findall((ROOT / page).read_text()) if not (folder / target).exists()]
    assert not missing, f"{page} links to {missing}"
