"""The content of the rotation pages, read from what is stored."""

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
        """How many references accepted the value."""
        return sum(reference_check.passed for reference_check in self.checked)

    @property
    def tried(self) -> int:
        """How many references have a result."""
        return sum(reference_check.tried for reference_check in self.checked)

    @property
    def missed(self) -> list[ReferenceCheck]:
        """The references that a promotion has to accept."""
        return [reference_check for reference_check in self.checked if not reference_check.passed]

    @property
    def failed(self) -> list[ReferenceCheck]:
        """The references that refused the value."""
        return [reference_check for reference_check in self.checked if reference_check.failed]

    @property
    def is_final(self) -> bool:
        """Whether every reference has a result."""
        return self.tried == len(self.checked)


@dataclass(frozen=True, slots=True)
class Window:
    """A previous value that can be rolled back to, and the calls since."""

    id: UUID
    retired_at: datetime
    retired_by: str
    until: datetime
    calls: int
    refused: int

    @property
    def left(self) -> str:
        """The remaining time: `23 h 54 min`."""
        minutes = max(0, int((self.until - timezone.now()) / timedelta(minutes=1)))
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if hours else f"{rest} min"


@dataclass(frozen=True, slots=True)
class Seen:
    """A submitted promotion: the value and results that the person saw, and whether they accept them."""

    staged: UUID | None
    references: frozenset[UUID]
    accepts: bool


def verify_of(actor: Actor, secret_id: UUID, environment: Environment) -> Verify:
    """Return the content of the verify page.

    Raises:
        NothingStaged: there is no staged value.
    """
    return Verify(*look(actor, secret_id, environment))


def window_of(actor: Actor, secret_id: UUID, environment: Environment, version: int | None) -> Window | None:
    """Return the roll-back window; None if it has ended or there is no previous value.

    Args:
        version: the version of the current value, whose calls are counted.
    """
    previous = previous_value(Secret.objects.fetch(actor.organization, secret_id), environment)
    if previous is None or previous.retired_at is None or previous.rollback_until is None:
        return None
    counts = _calls_since(previous.retired_at, secret_id, environment, version)
    return Window(previous.pk, previous.retired_at, previous.retired_by, previous.rollback_until, **counts)


def chosen_environment(text: str) -> Environment | None:
    """Return the environment of this name; None if there is none."""
    return next((environment for environment in Environment if environment.value == text), None)


def page_of(post: QueryDict) -> Seen:
    """Read a submitted promotion; invalid ids are ignored."""
    staged = _ids([post.get("staged", "")])
    return Seen(next(iter(staged), None), _ids(post.getlist("accepted")), "accept_failures" in post)


def seen_value(post: QueryDict) -> UUID | None:
    """Return the id of the value that the person saw when they submitted the form."""
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
