"""Approvals for people and for the server: lists, decisions, calls made once approved, and how long contents are kept.

Holding a call and using an approval belong to `integrations.holding` (docs/approvals.md).
"""
