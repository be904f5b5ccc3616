"""Words: a template and its values become the texts that a person reads."""
