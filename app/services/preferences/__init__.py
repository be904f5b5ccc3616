"""What each person wants to hear, over which channel, and when."""
