"""Who sends a request and what they may reach: API keys, route permissions, step-up, sessions and rate limits.

What a role or scope allows is decided in `accounts.policy`; how people sign in is in `accounts.sign_in`.
"""
