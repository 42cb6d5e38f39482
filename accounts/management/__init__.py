"""Management commands of the accounts app, for people with a shell on the server."""
