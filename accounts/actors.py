"""Who is acting, for which organization, and what they may attempt.

An actor is made once at a door (a signed-in person, an API key, staff, a command) and handed to every service.
Services ask it again: nothing changes without one.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from accounts.common.environments import ALL_ENVIRONMENTS, Environment
from accounts.errors import PermissionDenied
from accounts.models import ApiKey, Membership, Organization, User
from accounts.policy import STAFF_PERMISSIONS, Permission, Role, Scope, permissions_of_role, permissions_of_scopes


class ActorKind(StrEnum):
    """How the actor proved who it is."""

    USER = "user"
    API_KEY = "api_key"
    STAFF = "staff"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller inside one organization. `environments` bounds everything it does to values.

    `max_concurrent` and `max_per_minute` bound the calls of an API key (`accounts.access.limits`); None for no bound.
    """

    kind: ActorKind
    id: UUID | None
    label: str
    organization: Organization
    permissions: frozenset[Permission]
    role: Role | None = None
    environments: frozenset[Environment] = ALL_ENVIRONMENTS
    integrations: frozenset[UUID] | None = None
    max_concurrent: int | None = None
    max_per_minute: int | None = None
    address: str | None = field(default=None, compare=False)

    def may(self, permission: Permission) -> bool:
        """Whether this actor may attempt the act at all."""
        return permission in self.permissions

    def check(self, permission: Permission) -> None:
        """Refuse with `PermissionDenied` unless `may(permission)`."""
        if not self.may(permission):
            raise PermissionDenied(f"This needs the permission {permission.value}.")

    def sees(self, integration_id: UUID) -> bool:
        """Whether the integration is on the actor's list; without a list, every one is.

        See docs/api.md, "Authentication".
        """
        return self.integrations is None or integration_id in self.integrations

    def check_environments(self, *environments: Environment) -> None:
        """Refuse with `PermissionDenied` outside the actor's environments (docs/api.md, "Authentication")."""
        outside = [environment for environment in environments if environment not in self.environments]
        if outside:
            names = ", ".join(environment.value for environment in outside)
            raise PermissionDenied(f"This API key may not act in {names}.")


def actor_for_member(membership: Membership, *, address: str | None = None) -> Actor:
    """A signed-in person in the organization of the membership (its user and organization already loaded)."""
    role = Role(membership.role)
    return Actor(
        kind=ActorKind.USER,
        id=membership.user_id,
        label=str(membership.user),
        organization=membership.organization,
        permissions=permissions_of_role(role),
        role=role,
        address=address,
    )


def actor_for_key(key: ApiKey, *, address: str | None = None) -> Actor:
    """A program with an API key (its organization already loaded)."""
    return Actor(
        kind=ActorKind.API_KEY,
        id=key.id,
        label=f"API key {key.name}",
        organization=key.organization,
        permissions=permissions_of_scopes(frozenset(Scope(scope) for scope in key.scopes)),
        environments=key.environments,
        integrations=None if key.integrations is None else frozenset(UUID(item) for item in key.integrations),
        max_concurrent=key.max_concurrent,
        max_per_minute=key.max_per_minute,
        address=address,
    )


def actor_for_staff(user: User, organization: Organization, *, address: str | None = None) -> Actor:
    """A member of staff acting on an organization through the Django admin."""
    return Actor(
        kind=ActorKind.STAFF,
        id=user.id,
        label=f"{user} (staff)",
        organization=organization,
        permissions=STAFF_PERMISSIONS,
        address=address,
    )


def actor_for_command(organization: Organization, command: str) -> Actor:
    """Somebody with a shell on the server, running a management command: they can do anything, and are named."""
    return Actor(
        kind=ActorKind.COMMAND,
        id=None,
        label=f"manage.py {command}",
        organization=organization,
        permissions=frozenset(Permission),
    )
