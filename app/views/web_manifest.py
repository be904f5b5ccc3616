"""The web app manifest, by which browsers install Bellhop. Phones and tablets of Apple show push messages only then."""

from __future__ import annotations

from flask import Blueprint, Response, json, url_for

from app.views.web.static_files import static_url

bp = Blueprint("web_manifest", __name__)

# Of the light theme: --canvas.
BACKGROUND = "#f6f3ef"


@bp.get("/manifest.webmanifest")
def show() -> Response:
    """Describe the app. Browsers request it without a session."""
    sizes = (("192", 192, "any"), ("512", 512, "any"), ("maskable-512", 512, "maskable"))
    manifest = {
        "id": url_for("notifications.home"),
        "name": "Bellhop",
        "short_name": "Bellhop",
        "start_url": url_for("notifications.index"),
        "scope": url_for("notifications.home"),
        "display": "standalone",
        "theme_color": BACKGROUND,
        "background_color": BACKGROUND,
        "icons": [
            {
                "src": static_url(f"icons/{name}.png"),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": purpose,
            }
            for name, size, purpose in sizes
        ],
    }
    return Response(json.dumps(manifest), content_type="application/manifest+json")
