"""The accounts app's part of the HTTP API, and the building blocks that all of the API shares.

Authentication, strict JSON, preconditions and common schemas are here; each app has its own endpoints.
"""
