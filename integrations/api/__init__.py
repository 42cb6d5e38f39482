"""HTTP API endpoints of integrations, runs, tools, readiness and rotation, and their schemas.

Rules are in the packages that the endpoints call; authentication is in `accounts.api`.
"""
