"""What needs a person: what waits, is due or ends soon, and the first steps of a new organization."""
