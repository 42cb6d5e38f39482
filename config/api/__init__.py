"""The HTTP API and the MCP endpoint as a whole: the application, its ASGI handler and its fast path.

The endpoints themselves are in the `api` packages of the apps.
"""
