"""Checks of a secret's fields that forms, the API and imports share.

The rules for a single name, domain or value are in `secrets_app.naming`.
"""
