"""Begins to measure when a server process starts, if the operator wants it."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.monitoring import folder


def begin() -> None:
    """Measure and trace from now on, as far as that is set. What does it is imported only then."""
    if settings.METRICS_TOKEN:
        folder.prepare(settings.VAR / "metrics")
        from config.monitoring import measures  # noqa: PLC0415 - it needs the folder

        measures.measure()
    if settings.TRACES:
        trace()


def trace() -> None:
    """Send traces from now on.

    Raises:
        ImproperlyConfigured: the extra `otel` is not installed.
    """
    try:
        from config.monitoring import traces  # noqa: PLC0415 - only who wants it has it
    except ImportError:
        raise ImproperlyConfigured(
            "COFFER_TRACES is set, but opentelemetry-sdk is not installed. Install it, or leave COFFER_TRACES out."
        ) from None
    traces.trace(traces.provider_to(settings.TRACES))
