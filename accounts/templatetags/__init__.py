"""Template tags for the small parts of the interface that many pages share."""
