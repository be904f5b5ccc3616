"""The forms of the template editor, as tests send them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.models import NotificationTemplate
from app.services.templates.drafts import TemplateContent
from tests.views.forms import send

LIST = "/admin/templates"


def editor_form(template: NotificationTemplate, **changes: Any) -> dict[str, Any]:
    """Return the fields that the editor sends."""
    values = asdict(TemplateContent.from_row(template)) | {"base_version": template.version} | changes
    return values | {"channels": list(values["channels"])}


def save_draft(client: FlaskClient, template: NotificationTemplate, **changes: Any) -> TestResponse:
    page = f"{LIST}/{template.id}"
    return send(client, page, f"{page}/draft", **editor_form(template, **changes))
