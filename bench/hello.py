"""The baseline of every request: a bare Flask page."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Return a constant text."""
    return "Hello"
