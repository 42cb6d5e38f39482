"""What agents get at `/mcp` (docs/mcp.md): errors that clients show, the results of calls, and links for a person."""
