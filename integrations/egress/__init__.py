"""Where Coffer may send requests: URL syntax, address tables, the egress policy and name look-ups.

Connections are opened in `integrations.transport`. The allowed domains of a secret are a separate rule, in
`secrets_app.naming.domains`.
"""
