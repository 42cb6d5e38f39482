"""All metrics as the text that Prometheus reads."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.multiprocess import MultiProcessCollector

from config.monitoring.folder import forget_ended_processes
from config.monitoring.installation import Installation

__all__ = ["CONTENT_TYPE", "exposition"]


def exposition() -> bytes:
    """Return what all processes of this server have measured, and what the database says of the installation."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, forget_ended_processes())
    registry.register(Installation())
    return generate_latest(registry)
