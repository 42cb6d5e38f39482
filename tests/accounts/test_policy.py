"""The table of docs/concepts.md, "Roles", written out, against the policy; and what scopes give."""

import pytest

from accounts.policy import (
    ADMIN_PERMISSIONS,
    SCOPE_LABELS,
    STAFF_PERMISSIONS,
    Permission,
    Role,
    Scope,
    permissions_of_role,
    permissions_of_scopes,
)

# permission: owner, admin, member, staff
TABLE = {
    "secrets.ask": "owner admin member",
    "secrets.browse": "owner admin member staff",
    "secrets.read": "owner admin staff",
    "secrets.write": "owner admin",
    "secrets.use": "owner admin",
    "secrets.disable": "owner admin staff",
    "integrations.browse": "owner admin member staff",
    "integrations.read": "owner admin staff",
    "integrations.write": "owner admin",
    "integrations.run": "owner admin",
    "rules.write": "owner admin",
    "runs.read": "owner admin staff",
    "approvals.browse": "owner admin member",
    "approvals.decide": "owner admin",
    "audit.read": "owner admin staff",
    "agents.start": "owner admin",
    "agents.stop": "owner admin",
    "alerts.read": "owner admin",
    "alerts.write": "owner admin",
    "members.manage": "owner admin staff",
    "organization.leave": "owner admin member",
    "organization.manage": "owner",
    "api_keys.create": "owner admin",
    "api_keys.read": "owner admin staff",
    "api_keys.revoke": "owner admin staff",
    "owners.manage": "owner",
}

SCOPES = {
    "agents.stop": {"agents.stop"},
    "secrets.read": {"secrets.browse", "secrets.read"},
    "secrets.write": {"secrets.browse", "secrets.read", "secrets.write", "secrets.disable"},
    "secrets.use": {"secrets.use"},
    "integrations.read": {"integrations.browse", "integrations.read"},
    "integrations.write": {"integrations.browse", "integrations.read", "integrations.write"},
    "rules.write": {"integrations.browse", "integrations.read", "rules.write"},
    "run": {"integrations.run"},
    "audit.read": {"audit.read", "runs.read"},
    "alerts.read": {"alerts.read"},
    "alerts.write": {"alerts.read", "alerts.write"},
}


def test_table_names_every_permission():
    assert set(TABLE) == {permission.value for permission in Permission}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_role_holds_what_the_table_says(role, permission):
    assert (permission in permissions_of_role(role)) == (role.value in TABLE[permission].split())


@pytest.mark.parametrize("permission", Permission)
def test_staff_hold_what_the_table_says(permission):
    assert (permission in STAFF_PERMISSIONS) == ("staff" in TABLE[permission].split())


def test_nobody_may_read_a_value():
    assert not [permission for permission in Permission if "value" in permission or "reveal" in permission]


@pytest.mark.parametrize("scope", Scope)
def test_scope_gives_what_the_table_says(scope):
    assert permissions_of_scopes(frozenset({scope})) == {Permission(name) for name in SCOPES[scope.value]}


def test_all_scopes_together_never_exceed_an_admin():
    assert permissions_of_scopes(frozenset(Scope)) <= ADMIN_PERMISSIONS


def test_every_scope_has_words():
    assert set(SCOPE_LABELS) == set(Scope)


def test_permissions_are_in_alphabetical_order():
    names = [permission.value for permission in Permission]
    assert names == sorted(names)
