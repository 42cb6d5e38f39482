"""Integrations and their runs: kinds, templates, egress, the broker, rotation checks and readiness.

Secrets and their values are in `secrets_app`; organizations, people, API keys and the audit log are in `accounts`.
"""
