"""The audit log: recording events in a hash chain, reading and verifying it, and wording it for pages.

Services decide which action is an event; this package neither judges permissions for them nor stores values.
"""
