"""The import of a `.env` text: parsing, planning and applying it.

Values are stored by `secrets_app.editing.values`; the form and the endpoint are in `web` and `api`.
"""
