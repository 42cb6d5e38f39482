"""SIP messages, URIs and digest authentication as pure functions. Sockets are in `integrations.transport.sip`."""
