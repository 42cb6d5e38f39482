"""Pages of integrations, readiness and API keys. Rules are in the packages that the views call."""
