"""Queries on secrets and their values.

A secret's status is computed here, in SQL, and nowhere else (docs/concepts.md, "Status").
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Case, CharField, Count, Exists, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.common.environments import Environment
from accounts.common.fields import concerns
from accounts.common.sql.compiled import Given
from accounts.errors import NotFound
from accounts.models import Organization

Row = TypeVar("Row", bound=models.Model)


class Order(StrEnum):
    """The sort orders of the inventory, as they appear in its URL."""

    NAME = "name"
    NAME_DOWN = "-name"
    USAGE = "usage"
    USAGE_DOWN = "-usage"
    USED = "used"
    USED_DOWN = "-used"


_SORTED: dict[Order, list[str]] = {
    Order.NAME: ["name"],
    Order.NAME_DOWN: ["-name"],
    Order.USAGE: ["usage_count", "name"],
    Order.USAGE_DOWN: ["-usage_count", "-name"],
    Order.USED: ["last_used_at", "name"],
    Order.USED_DOWN: ["-last_used_at", "-name"],
}
BY_USAGE, BY_LAST_USE = {Order.USAGE, Order.USAGE_DOWN}, {Order.USED, Order.USED_DOWN}


def sort_key(secret: Any, order: Order) -> str:
    """Return the sort key that precedes the name of a secret, as text for a cursor."""
    if order in BY_USAGE:
        return str(secret.usage_count)
    if order in BY_LAST_USE:
        return secret.last_used_at.isoformat() if secret.last_used_at else ""
    return ""


class OrganizationKeyQuerySet(models.QuerySet[Any]):
    """Queries on data keys. They never open one."""

    def kept(self) -> Self:
        """Keep the data keys that are not destroyed."""
        return self.exclude(state="destroyed")

    def with_value_count(self) -> Self:
        """Annotate `value_count`, the number of values that need the data key."""
        return self.annotate(value_count=Count("values", filter=Q(values__sealed__isnull=False)))


class SecretValueQuerySet(models.QuerySet[Any]):
    """Queries on sealed values. They never open a value."""

    def current(self) -> Self:
        """Keep the current values."""
        return self.filter(state="current")

    def readable(self, master_key_ids: frozenset[str]) -> Self:
        """Keep the values that have not failed to open and whose master key this process holds."""
        return self.filter(_is_readable(master_key_ids))


class SecretQuerySet(models.QuerySet[Row]):
    """Queries on secrets, with their usage count and status."""

    def of(self, organization: Organization | Given) -> Self:
        """Keep the secrets of one organization. Views and endpoints start every query here."""
        return self.filter(organization=organization)

    def fetch(self, organization: Organization, secret_id: UUID) -> Row:
        """Return one secret of this organization.

        Raises:
            NotFound: it does not exist or belongs to another organization.
        """
        secret = self.of(organization).filter(pk=secret_id).first()
        if secret is None:
            raise NotFound("No such secret.")
        return secret

    def with_usage_count(self) -> Self:
        """Annotate `usage_count`, the number of references, and `integration_count`, of integrations behind them.

        Those that use a connection or connector with a reference are counted too, and not the connection itself.
        """
        references = _related(self.model, "references").filter(secret=OuterRef("pk")).order_by().values("secret")
        sending = references.filter(references.model.sending)
        integrations = sending.annotate(n=Count("destinations__integration", distinct=True)).values("n")
        return self.annotate(
            usage_count=_number(references.annotate(n=Count("pk")).values("n")),
            integration_count=_number(integrations),
        )

    def with_status(self, master_key_ids: frozenset[str]) -> Self:
        """Annotate `status` and, for each environment, `lacks_<environment>`: a value is needed but not readable.

        This is cheap for rows selected by id. For a whole organization, the database reads all its references.

        Args:
            master_key_ids: the ids of the master keys that this process holds.
        """
        annotated = self.annotate(
            **{
                f"lacks_{environment.value}": _lacks(self.model, environment, master_key_ids)
                for environment in Environment
            },
            has_unreadable=_has_unreadable(self.model, master_key_ids),
        )
        lacking = Q(has_unreadable=True)
        for environment in Environment:
            lacking |= Q(**{f"lacks_{environment.value}": True})
        return annotated.annotate(
            status=Case(
                When(enabled=False, then=Value("disabled")),
                When(lacking, then=Value("missing")),
                default=Value("active"),
                output_field=CharField(),
            )
        )

    def missing(self, organization: Organization | Given, master_key_ids: frozenset[str]) -> Self:
        """Keep the organization's secrets whose status is `missing`, without computing the status of every secret.

        The query is a union because the database plans each part as a join, but evaluates an OR row by row.
        """
        secrets: Any = self.model._default_manager
        enabled = secrets.of(organization).filter(enabled=True).order_by()
        unreadable = enabled.filter(_has_unreadable(self.model, master_key_ids)).values("pk")
        lacking = [
            enabled.filter(needing, ~_is_readable_in(self.model, environment, master_key_ids)).values("pk")
            for environment in Environment
            for needing in (_is_needed(self.model, environment), Q(required_in__has=environment))
        ]
        return self.filter(pk__in=unreadable.union(*lacking))

    def with_status_of(self, status: str, organization: Organization, master_key_ids: frozenset[str]) -> Self:
        """Keep the organization's secrets that have this status."""
        secrets = self.of(organization)
        if status == "disabled":
            return secrets.filter(enabled=False)
        if status == "missing":
            return secrets.missing(organization, master_key_ids)
        return secrets.filter(enabled=True).exclude(pk__in=secrets.missing(organization, master_key_ids).values("pk"))

    def lacking(self, environment: Environment, master_key_ids: frozenset[str]) -> Self:
        """Keep the secrets that are needed in an environment but have no readable value there."""
        return self.filter(_lacks(self.model, environment, master_key_ids))

    def concerning(self, environments: Iterable[Environment]) -> Self:
        """Keep the secrets with a value or a need in one of these environments, and those without any at all."""
        chosen, others = set(environments), set(Environment) - set(environments)
        here, elsewhere = (self._with_effect_in(some) for some in (chosen, others))
        return self.filter(Q(pk__in=here) | ~Q(pk__in=elsewhere))

    def _with_effect_in(self, environments: Iterable[Environment]) -> models.QuerySet[Any]:
        """Return the ids of the secrets that have a value, or need one, in one of these environments."""
        stored = _related(self.model, "values").exclude(state="destroyed")
        valued = stored.filter(environment__in=[environment.value for environment in environments])
        needed = _related(self.model, "references").filter(concerns("needed_in", environments), needed_in__gt=0)
        required = self.model._default_manager.filter(concerns("required_in", environments), required_in__gt=0)
        return valued.values("secret").union(
            needed.filter(secret__isnull=False).values("secret"), required.order_by().values("pk")
        )

    def search(self, text: str) -> Self:
        """Keep the secrets whose name or description contains the text, ignoring case."""
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text)) if text else self

    def search_names(self, text: str) -> Self:
        """Keep the secrets whose name contains the text, ignoring case."""
        return self.filter(name__icontains=text)

    def alphabetical(self) -> Self:
        """Sort by name."""
        return self.in_order(Order.NAME)

    def in_order(self, order: Order) -> Self:
        """Sort in one of the orders of the inventory. Names are unique and break ties."""
        return self.order_by(*_SORTED[order])

    def following(self, order: Order, key: str, name: str) -> Self:
        """Keep the secrets that come after the secret with this sort key and name.

        In the orders by last use, the queryset must hold either only used or only unused secrets.

        Args:
            key: the sort key of that secret, from `sort_key`.

        Raises:
            ValueError: the key does not belong to this order.
        """
        beyond = "lt" if order.value.startswith("-") else "gt"
        later = Q(**{f"name__{beyond}": name})
        if order in BY_USAGE:
            return self.filter(Q(**{f"usage_count__{beyond}": int(key)}) | (Q(usage_count=int(key)) & later))
        if order in BY_LAST_USE and key:
            used = datetime.fromisoformat(key)
            bound = {f"last_used_at__{beyond}e": used}  # lets the database start reading the index there
            return self.filter(Q(**{f"last_used_at__{beyond}": used}) | (Q(last_used_at=used) & later), **bound)
        return self.filter(later)


def _related(secrets: type[models.Model], name: str) -> models.QuerySet[Any]:
    """Return all rows of the model at the other end of a reverse relation of `Secret`."""
    relation: Any = secrets._meta.get_field(name)
    return relation.related_model._default_manager.all()


def _number(rows: models.QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=IntegerField()), Value(0))


def _current_values(secrets: type[models.Model]) -> models.QuerySet[Any]:
    return _related(secrets, "values").filter(state="current", secret=OuterRef("pk"))


def _lacks(secrets: type[models.Model], environment: Environment, master_key_ids: frozenset[str]) -> Any:
    needed = _is_needed(secrets, environment) | Q(required_in__has=environment)
    return needed & ~_is_readable_in(secrets, environment, master_key_ids)


def _is_needed(secrets: type[models.Model], environment: Environment) -> Any:
    return Q(Exists(_related(secrets, "references").filter(secret=OuterRef("pk"), needed_in__has=environment)))


def _is_readable_in(secrets: type[models.Model], environment: Environment, master_key_ids: frozenset[str]) -> Any:
    readable = _current_values(secrets).filter(_is_readable(master_key_ids), environment=environment.value)
    return Q(Exists(readable))


def _has_unreadable(secrets: type[models.Model], master_key_ids: frozenset[str]) -> Any:
    return Exists(_current_values(secrets).exclude(_is_readable(master_key_ids)))


def _is_readable(master_key_ids: frozenset[str]) -> Q:
    return Q(unreadable=False, data_key__master_key_id__in=master_key_ids, data_key__state__in=["active", "retiring"])
