"""The read model of secrets for pages and the API: rows, filters, counts and recent changes. It never holds a value.

Status is computed in `secrets_app.querysets`; changes are made in `secrets_app.editing`.
"""
