"""Interviews, their reminders, and the evaluations they still need."""
