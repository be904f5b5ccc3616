"""The notifications each person wants, by channel and time of day."""
