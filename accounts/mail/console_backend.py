"""Mail printed for the operator, where no mail server is set up (`EMAIL_URL`)."""

import sys
from typing import Any

from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Django's own, on standard error: what a command prints on standard output is its answer (`create_api_key`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream": sys.stderr, **kwargs})
