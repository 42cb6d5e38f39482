"""Error reports without data.

Django's report prints local variables, request data and settings. Any of them can contain a value, in any encoding.
This report keeps the files and lines of the traceback, and the method and path of the request (docs/security-rules.md,
"Error reports and logs").
"""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter
from typing_extensions import override

SAFE_META = {"REQUEST_METHOD", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "CONTENT_TYPE", "CONTENT_LENGTH"}


class SilentReporterFilter(SafeExceptionReporterFilter):
    """Hides everything that is not on a short list, in development mode too."""

    @override
    def is_active(self, request: HttpRequest | None) -> bool:
        """Return True: the filter is always active."""
        return True

    @override
    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Hide all parameters."""
        return {}

    @override
    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """Hide all local variables."""
        return []

    @override
    def get_safe_cookies(self, request: Any) -> dict[str, Any]:
        """Hide all cookies."""
        return {}

    def get_safe_settings(self) -> dict[str, Any]:
        """Hide all settings."""
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return the few entries that identify the request."""
        return {name: value for name, value in (request.META if request else {}).items() if name in SAFE_META}
