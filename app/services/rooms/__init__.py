"""Rooms: a team's chat channels, which get notifications like people do."""
