"""What several tests of this folder use."""

import pytest

from accounts.access.callers import CONCURRENT_CALLS
from tests.support.integrations.actions import VALUE
from tests.support.integrations.admission import PARAMETERS
from tests.support.things import make_action, make_connector, store_secret


@pytest.fixture
def stored(owner):
    return store_secret(owner, value=VALUE)


@pytest.fixture(autouse=True)
def no_concurrent_calls():
    yield
    CONCURRENT_CALLS._counts.clear()


@pytest.fixture
def stage(owner):
    """An action with a connector and a parameter, whose three secrets are all there."""
    for name in ("crm.apiKey", "crm.tenant"):
        store_secret(owner, name, allowed_domains=["api.example.com"])
    connector = make_connector(owner)
    headers = [{"name": "X-Tenant", "value": "{secrets.crm.tenant}"}]
    return make_action(
        owner, uses="", auth_connector=str(connector.id), headers=headers, path="/{params.id}", parameters=PARAMETERS
    )
