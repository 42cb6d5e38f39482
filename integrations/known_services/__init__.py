"""Well-known services to start from: a connection with the place of its credential, and actions that are useful.

The data are the files of `secrets_app/known_services`. Nothing is fetched or updated automatically; people review what
a form was filled with before they save it.
"""
