"""What every page shares: sign-in, headers, errors, filters, static files."""
