"""Begins to measure when a server process starts, if the operator wants it."""

from django.conf import settings

from config.monitoring import folder


def begin() -> None:
    """Measure and trace from now on, as far as that is set. What does it is imported only then."""
    if settings.METRICS_TOKEN:
        folder.prepare(settings.VAR / "metrics")
        from config.monitoring import measures  # noqa: PLC0415 - it needs the folder

        measures.measure()
