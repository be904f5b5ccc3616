"""People, sign-in, API tokens and the addresses people registered."""
