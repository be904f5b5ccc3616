"""Shared by every page: sign-in, headers, errors, filters, static files."""
