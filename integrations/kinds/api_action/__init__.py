"""The kind `api_action`: one HTTP request that agents call with arguments."""
