"""MCP: servers as they are, their transports, and the door for agents."""
