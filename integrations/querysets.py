"""Querysets of integrations and runs."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, Self, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery

from accounts.actors import Actor
from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.common.fields import concerns
from accounts.errors import NotFound
from accounts.models import Organization

Row = TypeVar("Row", bound=models.Model)


class IntegrationQuerySet(models.QuerySet[Row]):
    """Queries of integrations."""

    def of(self, organization: Organization) -> Self:
        """Filter by organization."""
        return self.filter(organization=organization)

    def visible_to(self, actor: Actor) -> Self:
        """Filter to the integrations that the actor may see.

        An API key that lists integrations sees only these.
        """
        mine = self.of(actor.organization)
        return mine if actor.integrations is None else mine.filter(pk__in=actor.integrations)

    def listed_for(self, actor: Actor) -> Self:
        """Filter to the integrations that a list shows to the actor.

        Those that run somewhere, but in none of an API key's environments, are left out.
        """
        mine = self.visible_to(actor)
        return mine.filter(concerns("environments", actor.environments)) if actor.is_bounded else mine

    def fetch(self, actor: Actor, integration_id: UUID) -> Row:
        """Return one integration with its connection and connectors.

        Raises:
            NotFound: there is no such integration, or the actor may not see it.
        """
        for found in self.visible_to(actor).with_links().filter(pk=integration_id):  # `first()` would add an ORDER BY
            return found
        raise NotFound("No such integration.")

    def with_links(self) -> Self:
        """Select the connection and connectors as well (`integrations.inheritance.with_parents`)."""
        return self.select_related("auth_connector", "connection__auth_connector")

    def with_mask_stamp(self) -> Self:
        """Annotate `mask_stamp`, which tells whether an index of the organization's values still holds."""
        stamps = apps.get_model("integrations", "MaskStamp").objects.filter(organization=OuterRef("organization"))
        return self.annotate(mask_stamp=Subquery(stamps.values("stamp")))

    def building_on(self, ids: Iterable[UUID]) -> Self:
        """Filter to the integrations that use one of these connections or connectors.

        A connector counts also where it is used through a connection.
        """
        ids = list(ids)
        through_connection = Q(connection__auth_connector__in=ids, auth_connector=None)
        return self.filter(Q(auth_connector__in=ids) | Q(connection__in=ids) | through_connection)

    def search(self, text: str) -> Self:
        """Filter by a text in the name, description, address or the names of secrets, ignoring case."""
        if not text:
            return self
        by_secret = Q(Exists(self._references().filter(integration=OuterRef("pk"), name__icontains=text)))
        addresses = (f"config__{field}__icontains" for field in ("base_url", "host", "url"))
        by_address = reduce(or_, (Q(**{address: text}) for address in addresses))
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text) | by_address | by_secret)

    def search_described(self, text: str) -> Self:
        """Filter by a text in the name or description only.

        Members may not learn which secrets an integration uses.
        """
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text)) if text else self

    def matching(self, *, kind: str = "", environment: Environment | None = None, secret: str = "") -> Self:
        """Filter by kind, environment and the name of a secret. Empty arguments do not filter."""
        rows = self.filter(kind=kind) if kind else self
        rows = rows.filter(environments__has=environment) if environment else rows
        return (
            rows.filter(Exists(self._references().filter(integration=OuterRef("pk"), name=secret))) if secret else rows
        )

    def after(self, kind: str, name: str) -> Self:
        """Filter to the rows that follow this position in the order by kind and name."""
        return self.filter(Q(kind__gt=kind) | Q(kind=kind, name__gt=name), kind__gte=kind)

    def with_last_run(self) -> Self:
        """Annotate `last_run_at` and `last_run_outcome`; both are None without a run."""
        runs = apps.get_model("integrations", "Run")._default_manager.filter(integration_id=OuterRef("pk"))
        latest = runs.exclude(outcome="started").order_by("-started_at", "-id")
        return self.annotate(
            last_run_at=Subquery(latest.values("started_at")[:1]),
            last_run_outcome=Subquery(latest.values("outcome")[:1]),
        )

    def _references(self) -> models.QuerySet[Any]:
        relation: Any = self.model._meta.get_field("references")
        return relation.related_model._default_manager.all()


class RunQuerySet(models.QuerySet[Row]):
    """Queries of runs."""

    def visible_to(self, actor: Actor) -> Self:
        """Filter to the runs of integrations that the actor may see, in its environments."""
        mine = self.filter(organization=actor.organization)
        if actor.environments != ALL_ENVIRONMENTS:
            mine = mine.filter(environment__in=[environment.value for environment in actor.environments])
        return mine if actor.integrations is None else mine.filter(integration_id__in=actor.integrations)
