"""What several tests of this folder use."""

import pytest

from accounts.common.environments import Environment
from integrations.editing.integrations import create_integration
from tests.support.web.integration_forms import CONFIG


@pytest.fixture
def action(owner):
    environments = [Environment.STAGING, Environment.PRODUCTION]
    return create_integration(
        actor=owner, kind="api_action", name="Look up patient", environments=environments, config=CONFIG
    )


@pytest.fixture
def connector(owner):
    config = {"type": "bearer", "token": "{secrets.crm.apiKey}"}
    return create_integration(actor=owner, kind="auth_connector", name="CRM token", config=config)
