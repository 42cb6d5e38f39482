"""Permissions: one list of them, and tables of what roles, scopes and staff hold (docs/concepts.md, "Roles").

This module answers only whether a kind of caller may attempt an action. Whether the state of an object allows it (is
the secret in use, is there a value) is decided by the services.
"""

from enum import StrEnum
from functools import cache


class Permission(StrEnum):
    """The permission for one action on one kind of object, as `resource.action`, in alphabetical order."""

    AGENTS_START = "agents.start"
    AGENTS_STOP = "agents.stop"
    ALERTS_READ = "alerts.read"
    ALERTS_WRITE = "alerts.write"
    API_KEYS_CREATE = "api_keys.create"
    API_KEYS_READ = "api_keys.read"
    API_KEYS_REVOKE = "api_keys.revoke"
    APPROVALS_BROWSE = "approvals.browse"
    APPROVALS_DECIDE = "approvals.decide"
    AUDIT_READ = "audit.read"
    INTEGRATIONS_BROWSE = "integrations.browse"
    INTEGRATIONS_READ = "integrations.read"
    INTEGRATIONS_RUN = "integrations.run"
    INTEGRATIONS_WRITE = "integrations.write"
    MEMBERS_MANAGE = "members.manage"
    ORGANIZATION_LEAVE = "organization.leave"
    ORGANIZATION_MANAGE = "organization.manage"
    OWNERS_MANAGE = "owners.manage"
    RULES_WRITE = "rules.write"
    RUNS_READ = "runs.read"
    SECRETS_ASK = "secrets.ask"
    SECRETS_BROWSE = "secrets.browse"
    SECRETS_DISABLE = "secrets.disable"
    SECRETS_READ = "secrets.read"
    SECRETS_USE = "secrets.use"
    SECRETS_WRITE = "secrets.write"


class Role(StrEnum):
    """A person's role in one organization. The stored value stays the same if a member is renamed here."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"

    @property
    def label(self) -> str:
        """The label that people see, such as `Owner`."""
        return self.value.capitalize()


MEMBER_PERMISSIONS = frozenset(
    {
        Permission.APPROVALS_BROWSE,
        Permission.INTEGRATIONS_BROWSE,
        Permission.ORGANIZATION_LEAVE,
        Permission.SECRETS_ASK,
        Permission.SECRETS_BROWSE,
    }
)

ADMIN_PERMISSIONS = MEMBER_PERMISSIONS | {
    Permission.AGENTS_START,
    Permission.AGENTS_STOP,
    Permission.ALERTS_READ,
    Permission.ALERTS_WRITE,
    Permission.API_KEYS_CREATE,
    Permission.API_KEYS_READ,
    Permission.API_KEYS_REVOKE,
    Permission.APPROVALS_DECIDE,
    Permission.AUDIT_READ,
    Permission.INTEGRATIONS_READ,
    Permission.INTEGRATIONS_RUN,
    Permission.INTEGRATIONS_WRITE,
    Permission.MEMBERS_MANAGE,
    Permission.RULES_WRITE,
    Permission.RUNS_READ,
    Permission.SECRETS_DISABLE,
    Permission.SECRETS_READ,
    Permission.SECRETS_USE,
    Permission.SECRETS_WRITE,
}

OWNER_PERMISSIONS = ADMIN_PERMISSIONS | {Permission.ORGANIZATION_MANAGE, Permission.OWNERS_MANAGE}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: OWNER_PERMISSIONS,
    Role.ADMIN: ADMIN_PERMISSIONS,
    Role.MEMBER: MEMBER_PERMISSIONS,
}


class Scope(StrEnum):
    """What an API key is allowed to do (docs/api.md, "Authentication"). A key never holds more than an admin.

    Writing includes reading: the response to a write contains the whole object, and refusals reveal what exists.
    """

    SECRETS_READ = "secrets.read"
    SECRETS_WRITE = "secrets.write"
    SECRETS_USE = "secrets.use"
    INTEGRATIONS_READ = "integrations.read"
    INTEGRATIONS_WRITE = "integrations.write"
    RULES_WRITE = "rules.write"
    RUN = "run"
    AUDIT_READ = "audit.read"
    ALERTS_READ = "alerts.read"
    ALERTS_WRITE = "alerts.write"
    AGENTS_STOP = "agents.stop"


SCOPE_LABELS: dict[Scope, str] = {
    Scope.RUN: "Make calls",
    Scope.SECRETS_READ: "List secrets",
    Scope.SECRETS_WRITE: "Manage secrets",
    Scope.SECRETS_USE: "Send secrets somewhere new",
    Scope.INTEGRATIONS_READ: "List integrations",
    Scope.INTEGRATIONS_WRITE: "Manage integrations",
    Scope.RULES_WRITE: "Manage rules",
    Scope.ALERTS_READ: "List alerts and webhooks",
    Scope.ALERTS_WRITE: "Manage alerts and webhooks",
    Scope.AUDIT_READ: "Read runs and the audit log",
    Scope.AGENTS_STOP: "Stop all agents",
}
"""In the order in which people read them."""

SCOPE_PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.SECRETS_READ: frozenset({Permission.SECRETS_BROWSE, Permission.SECRETS_READ}),
    Scope.SECRETS_WRITE: frozenset(
        {Permission.SECRETS_BROWSE, Permission.SECRETS_DISABLE, Permission.SECRETS_READ, Permission.SECRETS_WRITE}
    ),
    Scope.SECRETS_USE: frozenset({Permission.SECRETS_USE}),
    Scope.INTEGRATIONS_READ: frozenset({Permission.INTEGRATIONS_BROWSE, Permission.INTEGRATIONS_READ}),
    Scope.INTEGRATIONS_WRITE: frozenset(
        {Permission.INTEGRATIONS_BROWSE, Permission.INTEGRATIONS_READ, Permission.INTEGRATIONS_WRITE}
    ),
    Scope.RULES_WRITE: frozenset(
        {Permission.INTEGRATIONS_BROWSE, Permission.INTEGRATIONS_READ, Permission.RULES_WRITE}
    ),
    Scope.RUN: frozenset({Permission.INTEGRATIONS_RUN}),
    Scope.AUDIT_READ: frozenset({Permission.AUDIT_READ, Permission.RUNS_READ}),
    Scope.ALERTS_READ: frozenset({Permission.ALERTS_READ}),
    Scope.ALERTS_WRITE: frozenset({Permission.ALERTS_READ, Permission.ALERTS_WRITE}),
    Scope.AGENTS_STOP: frozenset({Permission.AGENTS_STOP}),
}

STAFF_PERMISSIONS = frozenset(
    {
        Permission.API_KEYS_READ,
        Permission.API_KEYS_REVOKE,
        Permission.AUDIT_READ,
        Permission.INTEGRATIONS_BROWSE,
        Permission.INTEGRATIONS_READ,
        Permission.MEMBERS_MANAGE,
        Permission.RUNS_READ,
        Permission.SECRETS_BROWSE,
        Permission.SECRETS_DISABLE,
        Permission.SECRETS_READ,
    }
)


def permissions_of_role(role: Role) -> frozenset[Permission]:
    """Return the permissions of a role."""
    return ROLE_PERMISSIONS[role]


@cache
def permissions_of_scopes(scopes: frozenset[str]) -> frozenset[Permission]:
    """Return the permissions of a key with these scopes, at most an admin's (docs/api.md, "Authentication")."""
    granted = frozenset(permission for scope in scopes for permission in SCOPE_PERMISSIONS[Scope(scope)])
    return granted & ADMIN_PERMISSIONS


def scope_for(permission: Permission) -> Scope | None:
    """Return the narrowest scope that gives a permission to an API key; None if no scope does."""
    giving = [scope for scope, permissions in SCOPE_PERMISSIONS.items() if permission in permissions]
    return min(giving, key=lambda scope: len(SCOPE_PERMISSIONS[scope]), default=None)
