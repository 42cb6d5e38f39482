"""The overview: the home of owners and admins."""
