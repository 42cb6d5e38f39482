"""Prints mail for the operator if no mail server is configured (`EMAIL_URL`)."""

import sys
from typing import Any

from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Django's console backend on standard error.

    Standard output of a command is its result (`create_api_key`), so mail must not be mixed in.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream": sys.stderr, **kwargs})
