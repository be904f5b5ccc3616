"""Code that all API calls share: authentication, request bodies, responses, errors and limits."""
