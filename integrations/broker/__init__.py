"""One run from call to response: admission, preparation, sending, masking, and the record of the run.

What a kind sends is planned in `integrations.kinds`; sockets are in `integrations.transport`.
"""
