"""Named secrets: their sealed values, the inventory, hygiene, requests, imports, rotation and redaction.

This app does not know what integrations do with a secret. `integrations` imports it, never the other way round.
"""
