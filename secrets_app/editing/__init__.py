"""Creating, editing, switching and deleting secrets, and storing their values.

Staged and previous values change in `secrets_app.rotation`; encryption is in `secrets_app.sealing`.
"""
