"""References of integrations to secrets: deriving, rewriting and replacing them, and where secrets are used."""
