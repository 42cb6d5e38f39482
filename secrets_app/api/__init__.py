"""The endpoints and schemas of secrets in the HTTP API.

Endpoints call services and the inventory; they decide nothing. The endpoints of rotation are in `integrations.api`.
"""
