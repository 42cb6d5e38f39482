"""People, organizations, API keys and the audit log: who is acting, and what they may do.

The other apps build on this one; it knows nothing of secrets or integrations.
"""
