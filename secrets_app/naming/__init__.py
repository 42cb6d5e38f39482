"""Rules without a database: secret names, host names, allowed domains and values.

Rules that need stored data, such as the uniqueness of names, are in `secrets_app.validation`.
"""
