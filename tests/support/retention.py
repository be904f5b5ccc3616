"""How long data is kept by default."""

from __future__ import annotations

import config
from app.services.operations.retention import Retention

KEPT = Retention.from_config(config.read({})[0])
