"""Pages of integrations. A view reads the request, calls one service or read model, and picks a template."""
