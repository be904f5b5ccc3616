"""The application and its factory, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Request, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

import config
from app import api, cli, extensions, jobs, logs, proxies, row_ids, views
from app.lean_flask import LeanFlask
from app.views.web.template_environment import TemplateEnvironment


class Bellhop(LeanFlask):
    """Flask's application, with an error page for an invalid Host and a log without secrets."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the routes to a request. An invalid Host is kept as its routing error, so the error page has links."""
        try:
            return super().create_url_adapter(request)
        except HTTPException as error:
            if request is None:
                raise
            request.routing_exception = error
            return self.url_map.bind("localhost", path_info=request.path, default_method=request.method)

    jinja_environment = TemplateEnvironment

    def log_exception(self, exc_info: Any) -> None:
        """Log the URL rule of a failed request, because its path may hold the token of a link."""
        self.logger.error("%s %s failed", request.method, request.url_rule, exc_info=exc_info)


def create_app(settings: Mapping[str, Any] | None = None, *, tolerant: bool = False) -> Bellhop:
    """Create the application.

    Args:
        settings: Flask configuration that overrides the environment, for tests.
        tolerant: use defaults in place of wrong settings, for `flask doctor`.
    Raises:
        config.ConfigError: a setting is missing or not usable.
    """
    # APIFlask must not turn errors into JSON: the API has problem+json, the pages HTML.
    app = Bellhop(
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
    logs.register(app)
    extensions.init_app(app)
    row_ids.register(app)
    views.register(app)
    api.register(app)
    cli.register(app)
    jobs.register(app)
    proxies.register(app)
    return app
