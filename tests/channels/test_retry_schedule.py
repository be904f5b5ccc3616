"""When failed deliveries are retried."""

from __future__ import annotations

from datetime import timedelta

from app import catalog
from app.channels import retry_schedule
from app.clock import utc_now


def test_emails_are_retried_for_four_days_with_growing_jittered_delays() -> None:
    now = utc_now()
    delays = []
    for attempts in range(1, len(catalog.CHANNELS["email"].retry_seconds)):
        several = [(retry_schedule.next_attempt_at("email", attempts, now) or now) - now for _ in range(40)]
        wanted = catalog.CHANNELS["email"].retry_seconds[attempts]
        assert all(0.8 * wanted <= delay.total_seconds() <= 1.2 * wanted for delay in several)
        assert len(set(several)) > 1
        delays.append(wanted)
    assert delays[:7] == [60, 300, 900, 1800, 3600, 7200, 14400]
    assert timedelta(hours=95) < timedelta(seconds=sum(delays)) <= timedelta(hours=97)
    assert retry_schedule.next_attempt_at("email", len(catalog.CHANNELS["email"].retry_seconds), now) is None
    assert retry_schedule.next_attempt_at("email", 1, now, retry_after=1000) == now + timedelta(seconds=1000)
