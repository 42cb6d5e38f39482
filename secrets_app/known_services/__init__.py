"""Well-known services, one file each: what their credentials look like, where these go, and what is useful to call.

Here the hosts are proposed as allowed domains of secrets. `integrations.known_services` reads the same files for
connections and actions. docs/services.md describes the fields of a file.
"""
