"""Checks of a staged value on the references of its secret, and its promotion.

The values themselves are staged, promoted and destroyed by `secrets_app.rotation`.
"""
