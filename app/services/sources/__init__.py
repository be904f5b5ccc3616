"""Sources: connect other systems, receive their calls, turn them into events, match their people."""
