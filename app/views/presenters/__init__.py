"""Prepares service results for templates: labels, facts, rows, charts."""
