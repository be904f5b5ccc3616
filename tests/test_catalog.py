"""A row in the catalog's channel table has everything a channel needs elsewhere."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app import catalog
from app.api.schemas import preferences as schemas
from app.channels import CONNECTORS
from app.models import UserNotificationPreference
from app.services.routing import addresses
from app.views import notifications

SPRITE = Path(__file__).parents[1] / "app" / "templates" / "shared" / "sprite.html"
OUTGOING = [channel.name for channel in catalog.CHANNELS.values() if channel.is_outgoing]


@pytest.mark.parametrize("name", catalog.CHANNELS)
def test_every_channel_has_a_switch_in_the_preferences_and_the_api(name: str) -> None:
    assert catalog.CHANNELS[name].name == name
    column = f"{name}_enabled"
    assert column in UserNotificationPreference.__table__.columns
    for schema in (schemas.PreferencesOut, schemas.PreferencesIn):
        assert column in schema.__annotations__, schema.__name__


@pytest.mark.parametrize("channel", catalog.CHANNELS.values(), ids=lambda channel: channel.name)
def test_every_channel_has_an_icon(channel: catalog.ChannelSpec) -> None:
    assert f'id="i-{channel.icon}"' in SPRITE.read_text()


@pytest.mark.parametrize("name", OUTGOING)
def test_every_channel_that_sends_has_a_module_and_an_address_finder(name: str) -> None:
    assert callable(CONNECTORS[name])
    assert name in addresses.FINDERS


def test_only_the_inbox_sends_nothing() -> None:
    assert set(catalog.CHANNELS) - set(CONNECTORS) == {"in_app"}


def test_email_is_retried_for_as_long_as_it_is_worth_sending() -> None:
    retries = catalog.CHANNELS["email"].retry_seconds[1:]
    assert len(retries) == 18
    assert catalog.GIVE_UP_AFTER - timedelta(seconds=sum(retries)) < timedelta(minutes=10)


def test_every_action_has_a_toast() -> None:
    assert set(notifications.TOASTS) == set(catalog.ACTIONS)
