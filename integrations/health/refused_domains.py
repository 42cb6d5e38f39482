"""Telling that runs were refused because a secret may not go to their host."""

from collections.abc import Iterable

from accounts import occurrences
from accounts.occurrences import Occurred
from integrations.models import BegunRun


def tell(runs: Iterable[BegunRun]) -> None:
    """Write an occurrence of each of these runs: one for an integration, host and hour."""
    for run in runs:
        data = {
            "integration": {"id": str(run.integration_id), "name": run.integration_name},
            "environment": run.environment,
            "host": run.host,
            "run": {"id": str(run.id)},
        }
        once = f"{run.integration_id}:{run.started_at:%Y-%m-%dT%H}:{run.host}"
        occurrences.record(run.organization_id, Occurred.RUN_REFUSED_DOMAIN, data, once=once)
