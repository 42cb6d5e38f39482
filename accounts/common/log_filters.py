"""Log filters: Django logs the whole path of a refused request, which may contain a token."""

import logging
import re

TOKEN = re.compile(r"(/invitations/)[^/\s]+")


class WithoutTokens(logging.Filter):
    """Removes the token from the path of an invitation's link. No line is dropped."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove tokens from the arguments of the record, and keep the record."""
        if isinstance(record.args, tuple):
            record.args = tuple(TOKEN.sub(r"\1…", part) if isinstance(part, str) else part for part in record.args)
        return True
