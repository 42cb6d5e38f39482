"""The kind `api_connection`: the address, headers and credential that several API actions share."""
