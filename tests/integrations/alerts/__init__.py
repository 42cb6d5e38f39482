"""Tests of `integrations.alerts`."""
