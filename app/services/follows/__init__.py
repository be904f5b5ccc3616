"""Follows and mutes of candidates, jobs and notification types."""
