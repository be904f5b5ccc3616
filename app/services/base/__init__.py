"""Shared by every service package: the audit log, validation, paging, errors, local time."""
