"""Pages of secrets that need integrations: where a secret is used, usage, replacement and rotation."""
