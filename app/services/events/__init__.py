"""Receiving events and turning each into notifications, once."""
