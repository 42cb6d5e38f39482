"""Exchanges with upstreams as kinds plan them and the broker performs them, and the messages that they send.

This package opens no socket (`integrations.transport`) and decides about no destination (`integrations.egress`).
"""
