"""What API keys and integrations may spend in a day, and what they have spent (docs/stopping.md, "Budgets")."""
