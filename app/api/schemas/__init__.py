"""Pydantic schemas of requests and responses, one noun a file."""
