"""The kind `auth_connector`: a credential that several integrations share."""
