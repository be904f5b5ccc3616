"""The delivery log: what was sent, what was not, and why."""
