"""The project: settings, URLs, the ASGI application, the HTTP API as a whole, health checks, commands and the demo.

It puts the three apps together and is the only package that may import all of them. It has no models.
"""
