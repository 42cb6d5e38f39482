"""Template tags and filters of integrations."""
