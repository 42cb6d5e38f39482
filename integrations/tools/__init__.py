"""Tools of agents (operations of integrations at /mcp), and the approval of tools that MCP servers offer."""
