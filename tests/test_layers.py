"""Who may import whom: a notification walks through the rooms in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
FILES = sorted(APP.rglob("*.py"))

# What a layer may import from `app`, beside itself; `clock` and `folding` are everybody's.
MAY_IMPORT = {
    "views": {"services", "forms", "catalog", "extensions", "rendering"},
    "api": {"services", "catalog", "extensions"},
    "forms": {"services", "catalog"},
    "jobs": {"services", "extensions"},
    "cli": {"services", "jobs", "catalog"},
    "services": {"models", "channels", "rendering", "catalog", "extensions", "prepared"},
    "rendering": {"catalog", "models"},
    "channels": {"extensions"},
    "models": {"extensions", "catalog"},
    "catalog": set(),
    "extensions": set(),
    "prepared": {"extensions"},
    "clock": set(),
    "folding": set(),
}
REQUEST_THINGS = {"request", "session", "current_user", "g"}


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import, wherever it stands in the file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_file_imports_only_what_its_layer_may(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__init__":
        return  # The factory binds the layers together.
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] != "app":
            continue
        target = parts[1] if len(parts) > 1 else name
        assert target in MAY_IMPORT[layer] | {layer, "clock", "folding"}, f"{path.name} imports app.{target}"


@pytest.mark.parametrize(
    "path", [p for p in FILES if layer_of(p) in {"services", "models", "channels", "rendering"}]
)
def test_nothing_below_the_pages_knows_of_requests(path: Path) -> None:
    for module, name in imports(path):
        assert not (module in {"flask", "flask_login"} and name in REQUEST_THINGS), (
            f"{path.name} imports {name}"
        )
