"""Claiming due deliveries, sending them and recording the result."""
