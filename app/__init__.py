"""The application factory, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask

import config
from app import api, cli, extensions, jobs, proxies, views


def create_app(settings: Mapping[str, Any] | None = None, *, tolerant: bool = False) -> APIFlask:
    """Create the application.

    Args:
        settings: Flask configuration that overrides the environment, for tests.
        tolerant: use defaults in place of wrong settings, for `flask doctor`.
    Raises:
        config.ConfigError: a setting is missing or not usable.
    """
    # APIFlask must not turn errors into JSON: the API has problem+json, the pages HTML.
    app = APIFlask(
        "app",
        title="Bellhop",
        version="1.0",
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # APIFlask declares str and passes it to Flask, which takes None.
    )
    app.config.from_mapping(config.load(tolerant=tolerant))
    app.config.from_mapping(settings or {})
    extensions.init_app(app)
    views.register(app)
    api.register(app)
    cli.register(app)
    jobs.register(app)
    proxies.register(app)
    return app
