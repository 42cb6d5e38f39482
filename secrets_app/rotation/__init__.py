"""Rotation of a value: stage, promote, roll back, destroy, and the mail about overdue rotations.

Checking a staged value means calling integrations, which `integrations.rotation` does.
"""
