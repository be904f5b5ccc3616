"""The floor of every request: Flask, saying hello."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Say it."""
    return "Hello"
