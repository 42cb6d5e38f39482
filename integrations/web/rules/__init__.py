"""The tab *Rules* of an integration: its rules as cards, and what would happen to a call."""
