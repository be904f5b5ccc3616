"""The admins' first page: what is left to set up, and what needs attention."""
