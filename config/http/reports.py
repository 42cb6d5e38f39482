"""Error reports that carry no data.

Django's report prints local variables, request data and settings. A value can sit in any of them, in any spelling, so
the report keeps the traceback's files and lines, and which request it was (docs/security-rules.md, "Error reports and
logs").
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
        """Always."""
        return True

    @override
    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """None."""
        return {}

    @override
    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        """None."""
        return []

    @override
    def get_safe_cookies(self, request: Any) -> dict[str, Any]:
        """None."""
        return {}

    def get_safe_settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, Any]:
        """The few entries that say which request it was."""
        return {name: value for name, value in (request.META if request else {}).items() if name in SAFE_META}
