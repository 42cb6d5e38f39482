"""Stopping integrations, and calls under way (docs/stopping.md)."""
