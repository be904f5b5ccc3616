"""nginx and Caddy in front of a server, with the configurations in `deploy/`."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX_FRAME = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def nginx(folder: Path, server: str, certificate: Path, port: int, upstream: int) -> Iterator[None]:
    """Run nginx with a server block of `deploy/` on `port`, before a server on `upstream`."""
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:5000", f"127.0.0.1:{upstream}"),
        ("/etc/ssl/bellhop.pem", str(certificate)),
    ):
        assert old in server
        server = server.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(NGINX_FRAME.format(folder=folder, server=server))
    with subprocess.Popen(["nginx", "-p", str(folder), "-c", str(path)]) as running:
        try:
            wait_until(lambda: _is_listening(port))
            yield
        finally:
            running.terminate()


@contextmanager
def caddy(folder: Path, site: str, certificate: Path, port: int, upstream: int) -> Iterator[None]:
    """Run Caddy with a site of `deploy/` on `port`, before a server on `upstream`."""
    name = "bellhop.example.com {" if "bellhop.example.com {" in site else "example.com {"
    site = site.replace(name, f"https://localhost:{port} {{\n\ttls {certificate} {certificate}")
    site = site.replace("127.0.0.1:5000", f"127.0.0.1:{upstream}")
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]
    environment = {"PATH": "/usr/bin:/usr/local/bin", "HOME": str(folder)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as running:
        try:
            wait_until(lambda: _is_listening(port))
            yield
        finally:
            running.terminate()


def _is_listening(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
