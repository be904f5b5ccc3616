from __future__ import annotations

import pytest
from flask import Flask

from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker


@pytest.fixture
def worker(app: Flask) -> DeliveryWorker:
    return DeliveryWorker(
        SiteIdentity("http://bellhop.test", "bellhop@example.test", app.config["SECRET_KEY"])
    )
