"""What the database says of the whole installation, read when somebody asks for metrics."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import Error
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from accounts.common.outages import is_outage, log_outage
from accounts.models import ApiKey
from config.models import FinishedJob
from secrets_app.models import KeyState, OrganizationKey


class Installation(Collector):
    """Keys, their age, and the last success of housekeeping; during an outage only that there is one."""

    @override
    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        try:
            found = list(_metrics())
        except Error as fault:
            if not is_outage(fault):
                raise
            log_outage(fault)
            return [_gauge("coffer_database_up", "Whether the database can be used.", 0)]
        return [*found, _gauge("coffer_database_up", "Whether the database can be used.", 1)]


def _metrics() -> Iterator[Metric]:
    now = timezone.now()
    keys = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, parent=None)
    counted = keys.aggregate(all=Count("pk"), suspended=Count("pk", filter=~Q(suspended_at=None)))
    yield _gauge("coffer_api_keys", "API keys that are neither revoked nor expired.", counted["all"])
    yield _gauge("coffer_api_keys_suspended", "Those of them that are suspended.", counted["suspended"])
    active = OrganizationKey.objects.filter(state=KeyState.ACTIVE.value)
    found = active.aggregate(n=Count("pk"), oldest=Min("created_at"), masters=Count("master_key_id", distinct=True))
    yield _gauge("coffer_data_keys", "Data keys with which values are sealed.", found["n"])
    yield _gauge("coffer_data_key_age_seconds", "The age of the oldest of them.", _age(found["oldest"], now))
    yield _gauge("coffer_master_keys_in_use", "Master keys that they are wrapped with.", found["masters"])
    last = FinishedJob.objects.last_time("housekeeping")
    yield _gauge(
        "coffer_housekeeping_last_success_timestamp_seconds",
        "When housekeeping last finished; 0 if never.",
        last.timestamp() if last else 0,
    )


def _age(then: datetime | None, now: datetime) -> float:
    return (now - then).total_seconds() if then else 0


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
