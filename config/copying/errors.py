"""What stops a copy."""


class CannotCopy(Exception):  # noqa: N818 - named after what happened
    """The copy was not made. The message says why and what to do, and holds no value."""
