"""Notifications that an admin writes to many people."""
