"""Pages of one secret."""
