"""Access tokens of auth connectors: asking for them, keeping them, and what an endpoint said instead."""
