"""The kind `mcp_server`: an MCP client for both protocol eras, over the channel of a run.

It makes the JSON-RPC requests that listing and calling tools need, in the legacy era (up to 2025-11-25, with a session
opened by `initialize`) and in the modern era (2026-07-28, without sessions), and detects the era of a server. It opens
no socket. Everything that a server sends is data and never acted on, except for protocol versions, addresses of its own
origin, and how a stream is resumed. Requests of the server (sampling, elicitation, roots) are refused.

Source: the specification at modelcontextprotocol.io, revisions 2025-11-25 and 2026-07-28.
"""
