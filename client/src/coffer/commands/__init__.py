"""The command line `coffer`. It talks to the API alone, through the client library."""
