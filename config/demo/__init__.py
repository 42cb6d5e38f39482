"""The demo: example data for an empty installation, and stand-ins on loopback for the services that it calls.

Nothing outside of this package and of the command `serve` imports it.
"""
