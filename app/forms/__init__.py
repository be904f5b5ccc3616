"""Forms and query strings, read into dataclasses that the services take."""
