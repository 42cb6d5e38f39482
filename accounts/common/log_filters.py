"""What a log line must not repeat: Django names the whole path of every request that is refused."""

import logging
import re

TOKEN = re.compile(r"(/invitations/)[^/\s]+")


class WithoutTokens(logging.Filter):
    """Takes the token out of the path of an invitation's link. Lines themselves are kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change what is going to be written."""
        if isinstance(record.args, tuple):
            record.args = tuple(TOKEN.sub(r"\1…", part) if isinstance(part, str) else part for part in record.args)
        return True
