"""How Bellhop talks to SQLite and PostgreSQL."""
