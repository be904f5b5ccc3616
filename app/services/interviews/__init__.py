"""Interviews and what follows from them: reminders and evaluations."""
