"""Which notifications each person wants, over which channels, and when."""
