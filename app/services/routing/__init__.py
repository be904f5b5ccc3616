"""Decides who is notified over which channel, when and why."""
