"""Pages of agents and API keys. They are here because keys may be limited to integrations."""
