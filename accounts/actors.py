"""Actors: who is acting, in which organization, and what they may attempt.

An interface creates the actor (for a signed-in person, an API key, staff or a command) and passes it to every service.
Services check its permissions again; nothing changes without an actor.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import PermissionDenied
from accounts.models import ApiKey, Membership, Organization, User
from accounts.policy import (
    STAFF_PERMISSIONS,
    Permission,
    Role,
    permissions_of_role,
    permissions_of_scopes,
    scope_for,
)


class ActorKind(StrEnum):
    """How the actor authenticated."""

    USER = "user"
    API_KEY = "api_key"
    STAFF = "staff"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller in one organization.

    Attributes:
        environments: the environments in which the actor may handle values.
        integrations: the only integrations that an API key may use; None for all.
        secrets: the only secrets that an API key may send somewhere new; None for all.
        proven: whether there is a recent proof of who is there (`accounts.access.step_up`). Only pages say no: API keys
            and commands authenticate with every call.
        max_concurrent, max_per_minute: the limits of an API key (`accounts.access.callers`); None for no limit.
        daily_calls, daily_cost: the budget of an API key for a day (`integrations.budgets`); None for none.
        within: of a session, the API key that made it; the session's calls count towards that key's limits, too.
    """

    kind: ActorKind
    id: UUID | None
    label: str
    organization: Organization
    permissions: frozenset[Permission]
    role: Role | None = None
    environments: frozenset[Environment] = ALL_ENVIRONMENTS
    integrations: frozenset[UUID] | None = None
    secrets: frozenset[UUID] | None = None
    proven: bool = True
    max_concurrent: int | None = None
    max_per_minute: int | None = None
    daily_calls: int | None = None
    daily_cost: Decimal | None = None
    within: "Actor | None" = None
    address: str | None = field(default=None, compare=False)

    @property
    def key_id(self) -> UUID | None:
        """The id of the API key that a person made: of a session, that of the key behind it."""
        return self.within.id if self.within else self.id

    def may(self, permission: Permission) -> bool:
        """Whether this actor may attempt actions that need the permission."""
        return permission in self.permissions

    def check(self, permission: Permission) -> None:
        """Check a permission.

        Raises:
            PermissionDenied: the actor does not hold the permission.
        """
        if not self.may(permission):
            scope = scope_for(permission) if self.kind is ActorKind.API_KEY else None
            what_to_do = f" Use an API key with the scope {scope.value}." if scope else ""
            raise PermissionDenied(f"This needs the permission {permission.value}.{what_to_do}")

    @property
    def is_bounded(self) -> bool:
        """Whether the actor is limited to some environments or integrations."""
        return self.environments != ALL_ENVIRONMENTS or self.integrations is not None

    def sees(self, integration_id: UUID) -> bool:
        """Whether the actor may use the integration: it is on the actor's list, or there is no list.

        See docs/api.md, "Authentication".
        """
        return self.integrations is None or integration_id in self.integrations

    def may_send(self, secret_id: UUID) -> bool:
        """Whether the actor may send this secret somewhere new, as far as its list of secrets goes."""
        return self.secrets is None or secret_id in self.secrets

    def check_environments(self, *environments: Environment) -> None:
        """Check that the actor may act in these environments (docs/api.md, "Authentication").

        Raises:
            PermissionDenied: one of them is outside the actor's environments.
        """
        outside = [environment for environment in environments if environment not in self.environments]
        if outside:
            names = ", ".join(environment.value for environment in outside)
            raise PermissionDenied(f"This API key may not act in {names}.")


def actor_for_member(membership: Membership, *, address: str | None = None, proven: bool = True) -> Actor:
    """Return the actor for a person in one organization. The membership's user and organization are already loaded."""
    role = Role(membership.role)
    return Actor(
        kind=ActorKind.USER,
        id=membership.user_id,
        label=str(membership.user),
        organization=membership.organization,
        permissions=permissions_of_role(role),
        role=role,
        proven=proven,
        address=address,
    )


def actor_for_key(key: ApiKey, *, address: str | None = None) -> Actor:
    """Return the actor for a program with an API key or a session. Its organization and parent are already loaded."""
    within = None
    if key.parent:
        key.parent.organization = key.organization
        within = actor_for_key(key.parent, address=address)
    return Actor(
        kind=ActorKind.API_KEY,
        id=key.id,
        label=f"{within.label}, session {key.name}" if within else f"API key {key.name}",
        organization=key.organization,
        permissions=permissions_of_scopes(frozenset(key.scopes)),
        environments=key.environments,
        integrations=None if key.integrations is None else frozenset(UUID(item) for item in key.integrations),
        secrets=None if key.secrets is None else frozenset(UUID(item) for item in key.secrets),
        max_concurrent=key.max_concurrent,
        max_per_minute=key.max_per_minute,
        daily_calls=key.daily_calls,
        daily_cost=key.daily_cost,
        within=within,
        address=address,
    )


def actor_for_staff(user: User, organization: Organization, *, address: str | None = None) -> Actor:
    """Return the actor for a member of staff who acts on an organization through the Django admin."""
    return Actor(
        kind=ActorKind.STAFF,
        id=user.id,
        label=f"{user} (staff)",
        organization=organization,
        permissions=STAFF_PERMISSIONS,
        address=address,
    )


def actor_for_command(organization: Organization, command: str) -> Actor:
    """Return the actor for a management command.

    People with a shell on the server can do anything; the audit log shows the command's name.
    """
    return Actor(
        kind=ActorKind.COMMAND,
        id=None,
        label=f"manage.py {command}",
        organization=organization,
        permissions=frozenset(Permission),
    )
