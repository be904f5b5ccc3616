"""Who may import whom: a notification walks through the layers once, in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
FILES = sorted(APP.rglob("*.py"))

# Plain helpers without imports of their own from `app`, open to every layer.
EVERYONE = {
    "canonical_addresses",
    "clock",
    "request_ids",
    "row_ids",
    "safe_urls",
    "search_letters",
    "search_text",
}
# Layers that may name the rows which services return, in annotations only.
MAY_NAME_ROWS = {"views", "api"}
# What a layer may import from `app`, besides itself and EVERYONE.
MAY_IMPORT = {
    "views": {"services", "forms", "catalog", "csrf", "extensions", "lean_flask", "rendering"},
    "api": {"services", "catalog", "csrf", "extensions", "lean_flask", "rendering"},
    "forms": {"services", "catalog"},
    "jobs": {"services", "catalog", "telemetry"},
    "cli": {"services", "jobs", "catalog", "telemetry"},
    "services": {"models", "channels", "sources", "rendering", "catalog", "database"},
    "rendering": {"catalog"},
    "channels": {"catalog"},
    "sources": set(),
    "models": {"database"},
    "extensions": {"csrf", "database", "lean_flask"},
    "database": set(),
    "catalog": set(),
    "canonical_addresses": set(),
    "clock": set(),
    "csrf": set(),
    "lean_flask": set(),
    "proxies": set(),
    "logs": set(),
    "request_ids": set(),
    "row_ids": set(),
    "safe_urls": set(),
    "search_letters": set(),
    "telemetry": {"logs"},
    "search_text": set(),
}
# Service packages, lowest floor first. A file may import its own package and the floors below.
FLOORS = (
    "base",
    "subscriptions",
    "notifications follows",
    "routing",
    "preferences interviews rooms",
    "accounts events digests",
    "sending operations sources",
    "deliveries templates",
    "announcements",
    "overview",
)
FLOOR_OF = {package: floor for floor, packages in enumerate(FLOORS) for package in packages.split()}
REQUEST_NAMES = {"request", "session", "current_user", "g"}


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import anywhere in the file, under TYPE_CHECKING and in functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=identifier)
def test_each_file_imports_only_what_its_layer_may(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__init__":
        return  # The factory binds the layers together.
    row_types = _imports_for_types(path) if layer in MAY_NAME_ROWS else []
    for module, name in imports(path):
        if module == "app.models" and (module, name) in row_types:
            continue
        parts = module.split(".")
        if parts[0] != "app":
            continue
        target = parts[1] if len(parts) > 1 else name
        assert target in MAY_IMPORT[layer] | EVERYONE | {layer}, f"{path.name} imports app.{target}"


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if layer_of(p) == "services" and p.parent.name != "services"],
    ids=identifier,
)
def test_each_service_imports_only_its_package_and_lower_floors(path: Path) -> None:
    package = path.relative_to(APP / "services").parts[0]
    for module, name in imports(path):
        parts = module.split(".")
        if parts[:2] != ["app", "services"]:
            continue
        target = parts[2] if len(parts) > 2 else name
        assert target == package or FLOOR_OF[target] < FLOOR_OF[package], f"{path.name} imports {target}"
        # Another package's private names are its own.
        assert target == package or not name.startswith("_"), f"{path.name} imports {module}.{name}"


@pytest.mark.parametrize("floor", range(1, len(FLOORS)), ids=lambda floor: FLOORS[floor])
def test_each_floor_is_needed(floor: int) -> None:
    """Merged with the floor below, its packages could no longer import what they do."""
    below = set(FLOORS[floor - 1].split())
    used = {
        module.split(".")[2]
        for package in FLOORS[floor].split()
        for path in (APP / "services" / package).glob("*.py")
        for module, _ in imports(path)
        if module.startswith("app.services.")
    }
    assert used & below


def test_each_permission_is_used() -> None:
    used: dict[str, set[str]] = {}
    for path in FILES:
        targets = {module.split(".")[1] for module, _ in imports(path) if module.startswith("app.")}
        targets |= {name for module, name in imports(path) if module == "app"}
        used.setdefault(layer_of(path), set()).update(targets)
    assert {
        layer: allowed - used[layer] for layer, allowed in MAY_IMPORT.items() if allowed - used[layer]
    } == {}


def test_every_service_package_has_a_floor() -> None:
    packages = {path.parent.name for path in (APP / "services").glob("*/__init__.py")}
    assert packages == FLOOR_OF.keys()
    assert {path.name for path in (APP / "services").glob("*.py")} == {"__init__.py"}


@pytest.mark.parametrize("path", FILES, ids=identifier)
def test_no_import_hides_a_circle(path: Path) -> None:
    # Views and the API may name the types of rows that services hand them; two models may relate to each other.
    if layer_of(path) in {"views", "api", "models"}:
        return
    hidden = [f"{module}.{name}" for module, name in _imports_for_types(path) if module.startswith("app")]
    assert not hidden, f"{path.name} imports {hidden} under TYPE_CHECKING"


def _imports_for_types(path: Path) -> list[tuple[str, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in ast.walk(node):
                if isinstance(child, ast.ImportFrom) and child.module:
                    found += [(child.module, alias.name) for alias in child.names]
    return found


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if layer_of(p) in {"services", "models", "channels", "rendering"}],
    ids=identifier,
)
def test_nothing_below_the_pages_knows_of_requests(path: Path) -> None:
    for module, name in imports(path):
        assert not (module in {"flask", "flask_login"} and name in REQUEST_NAMES), (
            f"{path.name} imports {name}"
        )
