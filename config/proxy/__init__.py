"""The door for requests that are passed through: `/proxy/{connection}/{path}` (docs/pass-through.md)."""
