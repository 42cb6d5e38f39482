"""Encryption: the sealed format, master and data keys, and the resolver, the only way to a plaintext value.

Which values are stored, replaced or destroyed is decided in `secrets_app.editing` and `secrets_app.rotation`.
"""
