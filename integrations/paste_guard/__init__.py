"""The paste guard: credentials that people paste into an integration instead of naming a secret."""
