"""Hosts in network namespaces, which can be cut off and reconnected; needs root on Linux."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

REMEDY = (
    "Network namespaces need Linux, root and the command `ip`. Run bin/test --long as root, which installs iproute2 on "
    "Debian; elsewhere, in a container: docker run --privileged."
)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@dataclass(frozen=True)
class Host:
    """A network namespace with one address."""

    name: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs another one on this host, in the same process."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def pids(self) -> list[int]:
        """Return the processes of this host."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, check=True)
        return [int(pid) for pid in found.stdout.split()]

    def cut(self) -> None:
        """Cut it off: packets are lost, as if its cable had been pulled."""
        _ip("link", "set", self.name, "down")

    def rejoin(self) -> None:
        """Connect it again."""
        _ip("link", "set", self.name, "up")


class Network:
    """A bridge on which the test has an address, and the hosts connected to it."""

    def __init__(self) -> None:
        self._prefix = f"bh{os.getpid()}"
        self._subnet = f"10.231.{os.getpid() % 250}"
        self._hosts: list[Host] = []
        self.address = f"{self._subnet}.1"
        _ip("link", "add", self._prefix, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._prefix)
        _ip("link", "set", self._prefix, "up")

    @property
    def addresses(self) -> str:
        """The network's addresses in CIDR notation."""
        return f"{self._subnet}.0/24"

    def add_host(self) -> Host:
        """Add a host. The bridge's end of its cable has the same name."""
        number = len(self._hosts) + 2
        host = Host(f"{self._prefix}-{number}", f"{self._subnet}.{number}")
        _ip("netns", "add", host.name)
        self._hosts.append(host)
        _ip("link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("link", "set", host.name, "master", self._prefix, "up")
        _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", host.name, "link", "set", device, "up")
        return host

    def remove(self) -> None:
        """Remove the hosts and the bridge. Their processes must have ended."""
        for host in self._hosts:
            _ip("netns", "delete", host.name)
        _ip("link", "delete", self._prefix)


@pytest.fixture
def network() -> Iterator[Network]:
    """A network without hosts."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.fail(REMEDY)
    try:
        made = Network()
    except subprocess.CalledProcessError as error:
        pytest.fail(f"{error} {REMEDY}")
    yield made
    made.remove()
