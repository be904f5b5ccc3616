"""QR codes, as images that need no file."""

from __future__ import annotations

import segno


def data_uri(text: str) -> str:
    """Draw a QR code, black on white on any page; returns a `data:` URI of an SVG."""
    return segno.make(text, micro=False).svg_data_uri(light="#fff", border=4, encode_minimal=True)
