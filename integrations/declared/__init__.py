"""Bringing secrets, integrations and webhooks to a state that somebody declares, one by name or all in one file.

What is declared is compared with what is stored, and only what differs goes through the services that pages and the API
use. A declaration holds no value of a secret (docs/configuration.md).
"""
