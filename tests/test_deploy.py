"""The files in deploy/, compose.yaml and the Dockerfile name programs and settings that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import config

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = (ROOT / "compose.yaml", ROOT / "deploy" / "compose.cluster.yaml")
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


def our_services(path: Path) -> dict[str, dict]:
    services = yaml.safe_load(path.read_text())["services"]
    return {
        name: each for name, each in services.items() if each.get("image") == "bellhop" or name == "serve"
    }


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_runs_programs_with_settings_that_exist(path: Path) -> None:
    for service in our_services(path).values():
        assert set(service["environment"]) <= set(config.SETTINGS)
        if "command" in service:
            assert (ROOT / shlex.split(service["command"])[0]).is_file()


def test_every_container_of_ours_runs_without_privileges_and_stops_in_time() -> None:
    roles = [role for path in COMPOSE for role in our_services(path).values() if "command" in role]
    assert len(roles) == 3
    for role in roles:
        assert role["read_only"]
        assert role["cap_drop"] == ["ALL"]
        assert role["security_opt"] == ["no-new-privileges:true"]
        assert int(role["stop_grace_period"].removesuffix("s")) > 10


def test_every_container_of_ours_gets_all_settings_of_the_env_file_where_there_is_one() -> None:
    for path in COMPOSE:
        for role in our_services(path).values():
            if "command" in role:
                assert role["env_file"] == [{"path": ".env", "required": False}]


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        name
        for line in re.findall(r"^COPY ([^-].*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for name in line.split()[:-1]
    }
    assert {name.partition("/")[0] for name in copied} == kept
    assert all((ROOT / name).exists() for name in copied)
    assert "USER bellhop" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_programs_that_exist_and_verify(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    for program in re.findall(r"^Exec\w+=/opt/bellhop/(\S+)", text, re.MULTILINE):
        assert (ROOT / program).is_file()
    # Where there is systemd; it looks at the programs, too.
    if analyze := shutil.which("systemd-analyze"):
        for unit in UNITS:
            here = unit.read_text().replace("/opt/bellhop", str(ROOT))
            (tmp_path / unit.name).write_text(here)
        done = subprocess.run(
            [analyze, "verify", "--man=no", tmp_path / path.name], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
