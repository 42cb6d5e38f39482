"""Pages cost as many statements for many rows as for few, and grow by no more than the rows that fit on them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import Role
from integrations.models import Integration, SecretReference
from secrets_app.models import Secret
from tests import factories
from tests.support.things import key_for, make_action, make_connection, make_connector, store_secret
from tests.support.web.integration_forms import SLUG

FEW, MANY = 5, 60
NOTHING, TWENTY, FIFTY, HUNDRED = 400, 20_000, 110_000, 200_000
"""Bytes: a page without a list, one with some names or references, one with a list of 30 or 50 rows, one with
100 references and their graph."""
SITE = f"/o/{SLUG}/"
PAGES = {
    "integrations/": FIFTY,
    "integrations/?state=working": FIFTY,
    "integrations/?state=failing": FIFTY,
    "integrations/?q=crm": FIFTY,
    "integrations/?uses={connector}": FIFTY,
    "integrations/counts/": NOTHING,
    "integrations/readiness/": FIFTY,
    "integrations/readiness/?show=blocked": FIFTY,
    "integrations/new/api_action/": NOTHING,
    "integrations/new/api_connection/": NOTHING,
    "integrations/{action}/": NOTHING,
    "integrations/{connector}/": TWENTY,
    "integrations/{connection}/": TWENTY,
    "integrations/{connector}/delete/": TWENTY,
    "integrations/suggestions/?role=auth_connector": TWENTY,
    "integrations/suggestions/?role=connection&q=api": TWENTY,
    "secrets/": FIFTY,
    "secrets/suggestions/": TWENTY,
    "secrets/suggestions/?q=key&host=example.com": TWENTY,
    "secrets/suggestions/?name=crm.apiKey&name=crm.absent": NOTHING,
    "secrets/hygiene/": TWENTY,
    "secrets/{secret}/": HUNDRED,
    "secrets/{secret}/details/": TWENTY,
    "secrets/{secret}/edit/": TWENTY,
    "secrets/{secret}/delete/": TWENTY,
    "secrets/{secret}/replace/": TWENTY,
    "secrets/{secret}/replace/?replacement=crm.key0": TWENTY,
    "secrets/requests/": FIFTY,
    "approvals/": HUNDRED,
    "approvals/decided/": FIFTY,
    "secrets/import/": NOTHING,
    "members/": FIFTY,
    "api-keys/": FIFTY,
    "api-keys/new/": TWENTY,
    "agents/connect/": FIFTY,
    "audit/": FIFTY,
}
LISTS = [
    "integrations",
    "integrations?secret=crm.apiKey",
    "readiness",
    "runs",
    "secrets",
    "secrets/{secret}/references",
]


@pytest.fixture
def ids(owner):
    """The ids of a secret, a connector, a connection and an action that uses all of them."""
    secret, connector, link = store_secret(owner), make_connector(owner), make_connection(owner)
    headers = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}]
    links = {"auth_connector": str(connector.id), "connection": str(link.id)}
    action = make_action(owner, base_url="", headers=headers, **links)
    return {"secret": secret.id, "connector": connector.id, "connection": link.id, "action": action.id}


def add(owner, ids, numbers):
    """More of everything, used by more of everything."""
    mine = {"organization": owner.organization}
    stored = Integration.objects.get(pk=ids["action"])
    some = {**mine, "environments": stored.environments}
    config, token = stored.config, Integration.objects.get(pk=ids["connector"]).config
    links = {"auth_connector_id": ids["connector"], "connection_id": ids["connection"]}
    actions = [Integration(**some, **links, kind="api_action", name=f"Action {n}", config=config) for n in numbers]
    others = [Integration(**some, kind="auth_connector", name=f"Auth {n}", config=token) for n in numbers]
    others += [
        Integration(**some, kind="api_connection", name=f"API {n}", config={"base_url": "https://a.example"})
        for n in numbers
    ]
    Integration.objects.bulk_create(actions + others)
    Secret.objects.bulk_create(Secret(**mine, name=f"crm.key{n}", allowed_domains=["example.com"]) for n in numbers)
    for name, secret in (("crm.apiKey", ids["secret"]), ("crm.absent", None)):
        SecretReference.objects.bulk_create(
            SecretReference(
                **mine,
                integration=action,
                secret_id=secret,
                name=name,
                slot=f"{name}.value",
                needed_in=action.environments,
            )
            for action in [*actions, *others[: len(numbers)]]
        )
    for n in numbers:
        factories.MembershipFactory(**mine, role=Role.MEMBER)
        factories.ApiKeyFactory(**mine, integrations=[str(ids["action"])])
        factories.SecretRequestFactory(**mine, name=f"asked.key{n}")
        factories.RunFactory(**mine, integration_id=ids["action"])
        factories.ApprovalFactory(**mine)
        factories.ApprovalFactory(**mine, denied=True)


def weighed(client, ids, token):
    """The statements and the bytes of every page and list."""
    found = {}
    for path in [*(SITE + page for page in PAGES), *(f"/api/v1/{path}" for path in LISTS)]:
        headers = {"authorization": f"Bearer {token}"} if path.startswith("/api/") else {}
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path.format(**ids), headers=headers)
        assert answer.status_code == 200, path
        found[path.removeprefix(SITE)] = len(queries), len(answer.content)
    return found


def test_pages_do_not_grow_with_the_organization(as_owner, owner, ids):
    token = key_for(owner)
    add(owner, ids, range(FEW))
    few = weighed(as_owner, ids, token)
    add(owner, ids, range(FEW, MANY))
    many = weighed(as_owner, ids, token)
    statements = {path: (few[path][0], many[path][0]) for path in few if many[path][0] > few[path][0]}
    grown = {path: many[path][1] - few[path][1] for path in few}
    assert statements == {}
    assert {path: by for path, by in grown.items() if by > PAGES.get(path, FIFTY)} == {}
