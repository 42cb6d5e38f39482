"""Pages of approvals: the calls that wait for a person, those that were decided, and one in full."""
