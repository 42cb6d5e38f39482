"""Members' requests for secrets that do not exist: asking, answering, dismissing and listing them.

A request never holds a value. The secret that answers it is created in `secrets_app.editing`.
"""
