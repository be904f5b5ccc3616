"""The inbox: reading, filtering, searching and changing notifications."""
