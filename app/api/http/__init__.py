"""Requests and responses of the API: authentication, bodies, errors, limits."""
