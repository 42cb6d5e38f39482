"""Finding and masking the values that a run used in what an upstream sends back.

Which parts of a response are masked, and when, is decided by the broker.
"""
