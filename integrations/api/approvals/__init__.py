"""`/api/v1/approvals`: what became of calls that have to be approved (docs/api.md, "Approvals")."""
