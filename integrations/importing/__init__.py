"""Imports: connections, credentials and actions from a description of an API, a curl command or a collection."""
