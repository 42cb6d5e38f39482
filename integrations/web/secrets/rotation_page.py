"""What the pages of a rotation show, put together from what is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.http import QueryDict
from django.utils import timezone

from accounts.actors import Actor
from accounts.common.environments import Environment
from integrations.models import Run, RunOutcome, RunSecret
from integrations.rotation.checks import ReferenceCheck
from integrations.rotation.rotation import look
from secrets_app.inventory.rows import InventoryRow
from secrets_app.models import Secret, SecretValue
from secrets_app.rotation.previous_values import previous_value

REFUSED_BY_PROVIDER = (401, 403)


@dataclass(frozen=True, slots=True)
class Verify:
    """A staged value and its checks."""

    staged: SecretValue
    checked: list[ReferenceCheck]

    @property
    def passed(self) -> int:
        """On how many references it works."""
        return sum(reference_check.passed for reference_check in self.checked)

    @property
    def tried(self) -> int:
        """On how many there is a result."""
        return sum(reference_check.tried for reference_check in self.checked)

    @property
    def missed(self) -> list[ReferenceCheck]:
        """Those that a promotion has to accept."""
        return [reference_check for reference_check in self.checked if not reference_check.passed]

    @property
    def failed(self) -> list[ReferenceCheck]:
        """Those that refused the value."""
        return [reference_check for reference_check in self.checked if reference_check.failed]

    @property
    def is_final(self) -> bool:
        """Whether each has its result."""
        return self.tried == len(self.checked)


@dataclass(frozen=True, slots=True)
class Window:
    """A previous value that may be gone back to, and what happened since."""

    id: UUID
    retired_at: datetime
    retired_by: str
    until: datetime
    calls: int
    refused: int

    @property
    def left(self) -> str:
        """`23 h 54 min`."""
        minutes = max(0, int((self.until - timezone.now()) / timedelta(minutes=1)))
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if hours else f"{rest} min"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sent promotion says: which value and which results the person had before them, and that they accept."""

    staged: UUID | None
    references: frozenset[UUID]
    accepts: bool


def verify_of(actor: Actor, row: InventoryRow, environment: Environment) -> Verify:
    """The verify page's content. Raises `NothingStaged`."""
    assert row.id is not None  # noqa: S101 - a secret that exists
    return Verify(*look(actor, row.id, environment))


def window_of(actor: Actor, row: InventoryRow, environment: Environment) -> Window | None:
    """The roll-back window, or None where it is over or never was."""
    assert row.id is not None  # noqa: S101 - a secret that exists
    previous = previous_value(Secret.objects.fetch(actor.organization, row.id), environment)
    if previous is None or previous.retired_at is None or previous.rollback_until is None:
        return None
    counts = _calls_since(previous.retired_at, row.id, environment, row.environments[environment].version)
    return Window(previous.pk, previous.retired_at, previous.retired_by, previous.rollback_until, **counts)


def chosen_environment(text: str) -> Environment | None:
    """The environment of this name."""
    return next((environment for environment in Environment if environment.value == text), None)


def page_of(post: QueryDict) -> Seen:
    """What was sent; ids that are none count for nothing."""
    staged = _ids([post.get("staged", "")])
    return Seen(next(iter(staged), None), _ids(post.getlist("accepted")), "accept_failures" in post)


def seen_value(post: QueryDict) -> UUID | None:
    """The value that the person had before them when they chose to go back from it, or to destroy it."""
    return next(iter(_ids([post.get("seen", "")])), None)


def _ids(texts: list[str]) -> frozenset[UUID]:
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return frozenset(found)


def _calls_since(since: datetime, secret_id: UUID, environment: Environment, version: int | None) -> dict[str, int]:
    used = RunSecret.objects.filter(secret_id=secret_id, version=version or 0, started_at__gte=since).values("run")
    runs = Run.objects.filter(pk__in=used, environment=environment.value).exclude(outcome=RunOutcome.REFUSED.value)
    return runs.aggregate(calls=Count("pk"), refused=Count("pk", filter=Q(status__in=REFUSED_BY_PROVIDER)))
