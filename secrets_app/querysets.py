"""The questions that people ask about secrets, as queries.

Status is computed here, in SQL, and nowhere else (docs/concepts.md, "Status").
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Case, CharField, Count, Exists, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.common.environments import Environment
from accounts.errors import NotFound
from accounts.models import Organization

Row = TypeVar("Row", bound=models.Model)


class Order(StrEnum):
    """The orders of the inventory, as its address writes them."""

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
    """What a secret is sorted by before its name, as text for a cursor."""
    if order in BY_USAGE:
        return str(secret.usage_count)
    if order in BY_LAST_USE:
        return secret.last_used_at.isoformat() if secret.last_used_at else ""
    return ""


class SecretValueQuerySet(models.QuerySet[Any]):
    """Values, without ever opening one."""

    def current(self) -> Self:
        """The values in use."""
        return self.filter(state="current")

    def readable(self, master_key_ids: frozenset[str]) -> Self:
        """Values that have not failed to open and whose master key the keyring holds."""
        return self.filter(_is_readable(master_key_ids))


class SecretQuerySet(models.QuerySet[Row]):
    """Secrets of one organization, and what is known about them."""

    def of(self, organization: Organization) -> Self:
        """The only way a door reaches rows."""
        return self.filter(organization=organization)

    def fetch(self, organization: Organization, secret_id: UUID) -> Row:
        """One secret of this organization.

        Raises:
            NotFound: none, or another organization's.
        """
        secret = self.of(organization).filter(pk=secret_id).first()
        if secret is None:
            raise NotFound("No such secret.")
        return secret

    def with_usage_count(self) -> Self:
        """Annotates `usage_count`, the number of references."""
        references = (
            _related(self.model, "references")
            .filter(secret=OuterRef("pk"))
            .order_by()
            .values("secret")
            .annotate(n=Count("pk"))
            .values("n")
        )
        return self.annotate(usage_count=Coalesce(Subquery(references, output_field=IntegerField()), Value(0)))

    def with_status(self, master_key_ids: frozenset[str]) -> Self:
        """Annotates `status` and, for each environment, `lacks_<environment>` (needed there, but no readable value).

        Cheap for rows that are named by their ids. Over a whole organization the database reads all its references.

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

    def missing(self, organization: Organization, master_key_ids: frozenset[str]) -> Self:
        """The organization's whose status is `missing`, for questions about all of them.

        A union, because the database answers each part as a join and an alternative of the parts row by row.
        """
        secrets: Any = self.model._default_manager
        enabled = secrets.of(organization).filter(enabled=True).order_by()
        unreadable = enabled.filter(_has_unreadable(self.model, master_key_ids)).values("pk")
        lacking = [enabled.lacking(environment, master_key_ids).values("pk") for environment in Environment]
        return self.filter(pk__in=unreadable.union(*lacking))

    def with_status_of(self, status: str, organization: Organization, master_key_ids: frozenset[str]) -> Self:
        """The organization's of one status."""
        secrets = self.of(organization)
        if status == "disabled":
            return secrets.filter(enabled=False)
        if status == "missing":
            return secrets.missing(organization, master_key_ids)
        return secrets.filter(enabled=True).exclude(pk__in=secrets.missing(organization, master_key_ids).values("pk"))

    def lacking(self, environment: Environment, master_key_ids: frozenset[str]) -> Self:
        """Those that are needed in an environment and have no readable value there."""
        return self.filter(_lacks(self.model, environment, master_key_ids))

    def search(self, text: str) -> Self:
        """Names and descriptions that contain the text, in any case."""
        return self.filter(Q(name__icontains=text) | Q(description__icontains=text)) if text else self

    def alphabetical(self) -> Self:
        """By name."""
        return self.in_order(Order.NAME)

    def in_order(self, order: Order) -> Self:
        """In one of the orders of the inventory; names, which are unique, break ties."""
        return self.order_by(*_SORTED[order])

    def behind(self, order: Order, key: str, name: str) -> Self:
        """Those that follow the secret with this name in the order; of the last use, those that were ever used or not.

        Args:
            key: what that secret is sorted by, as `sort_key` wrote it.

        Raises:
            ValueError: the key is none of this order.
        """
        beyond = "lt" if order.value.startswith("-") else "gt"
        later = Q(**{f"name__{beyond}": name})
        if order in BY_USAGE:
            return self.filter(Q(**{f"usage_count__{beyond}": int(key)}) | (Q(usage_count=int(key)) & later))
        if order in BY_LAST_USE and key:
            used = datetime.fromisoformat(key)
            bound = {f"last_used_at__{beyond}e": used}  # lets the index begin there
            return self.filter(Q(**{f"last_used_at__{beyond}": used}) | (Q(last_used_at=used) & later), **bound)
        return self.filter(later)


def _related(secrets: type[models.Model], name: str) -> models.QuerySet[Any]:
    """All rows of the model behind a reverse relation of `Secret`."""
    relation: Any = secrets._meta.get_field(name)
    return relation.related_model._default_manager.all()


def _current_values(secrets: type[models.Model]) -> models.QuerySet[Any]:
    return _related(secrets, "values").filter(state="current", secret=OuterRef("pk"))


def _lacks(secrets: type[models.Model], environment: Environment, master_key_ids: frozenset[str]) -> Any:
    needed = _related(secrets, "references").filter(secret=OuterRef("pk"), needed_in__has=environment)
    readable = _current_values(secrets).filter(_is_readable(master_key_ids), environment=environment.value)
    return Exists(needed) & ~Exists(readable)


def _has_unreadable(secrets: type[models.Model], master_key_ids: frozenset[str]) -> Any:
    return Exists(_current_values(secrets).exclude(_is_readable(master_key_ids)))


def _is_readable(master_key_ids: frozenset[str]) -> Q:
    return Q(unreadable=False, data_key__master_key_id__in=master_key_ids, data_key__state__in=["active", "retiring"])
