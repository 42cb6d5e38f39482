"""Stopped integrations (docs/stopping.md)."""
