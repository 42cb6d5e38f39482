"""Speaking to MCP servers of both protocol eras, over the wire of a run.

Owns: the few JSON-RPC calls that listing and calling tools take, in the legacy era (up to 2025-11-25: a session that
`initialize` opens) and in the modern one (2026-07-28: every request for itself), and telling the eras apart. It opens
no socket. Everything that a server says is data: nothing of it is followed, but for protocol versions that are known
here. What a server asks of us (sampling, elicitation, roots) is refused.

Source: the specification at modelcontextprotocol.io, revisions 2025-11-25 and 2026-07-28.
"""
