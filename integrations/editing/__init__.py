"""Creating, changing, duplicating and deleting integrations, and their rules, for pages and the API alike."""
