"""What every API call shares: authentication, request bodies, responses, errors and limits."""
