"""Calls that have to be approved: finding the approval of a call, holding the call, using an approval once.

What the broker's admission needs. People list and decide approvals in `integrations.approvals` (docs/approvals.md).
"""
