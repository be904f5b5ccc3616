"""The database: declarative base and session, SQLite settings, writing transactions, compiled statements."""
