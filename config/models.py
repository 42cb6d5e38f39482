"""What the installation remembers of itself."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone


class FinishedJobQuerySet(models.QuerySet["FinishedJob"]):
    """The last success of each job."""

    def note(self, name: str) -> None:
        """Remember that a job has just finished."""
        self.update_or_create(name=name, defaults={"finished_at": timezone.now()})

    def last_time(self, name: str) -> datetime | None:
        """Return when a job last finished; None if it never has."""
        return self.filter(name=name).values_list("finished_at", flat=True).first()


class FinishedJob(models.Model):
    """When a job that a timer starts last finished, for whoever watches over the installation."""

    name = models.CharField(max_length=40, primary_key=True)
    finished_at = models.DateTimeField()

    objects: ClassVar[FinishedJobQuerySet] = FinishedJobQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name
