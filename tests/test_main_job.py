"""The main job, end to end below the interfaces: a stored value arrives at a real server, and nowhere else."""

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from config.demo import upstream
from integrations.broker import broker
from integrations.broker.preparation import Call
from integrations.editing.integrations import create_integration
from integrations.models import Run
from secrets_app.editing.secrets import create_secret
from secrets_app.plaintext import Plaintext

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {
    Environment.DEVELOPMENT: "canary-development-7f3a",
    Environment.STAGING: "canary-staging-91bc",
    Environment.PRODUCTION: "canary-production-d2e8",
}


@pytest.fixture
def received():
    """A real server on loopback; what it was sent, and its address."""
    seen: list[dict] = []
    with upstream.serving(0, seen.append) as port:
        yield seen, f"http://127.0.0.1:{port}"


def test_staging_value_arrives_and_is_masked_on_the_way_back(owner, received):
    seen, base_url = received
    secret = create_secret(actor=owner, name="crm.apiKey", values={e: Plaintext(v) for e, v in VALUES.items()})
    action = create_integration(
        actor=owner,
        kind="api_action",
        name="Look up patient",
        environments=[Environment.STAGING],
        config={
            "base_url": base_url,
            "method": "POST",
            "path": "/v2/patients",
            "headers": [{"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"}],
        },
    )

    result = async_to_sync(broker.run)(owner, Call(action.id, Environment.STAGING))

    assert [request["headers"]["Authorization"] for request in seen] == [f"Bearer {VALUES[Environment.STAGING]}"]
    assert result.answer.status == 200
    assert result.answer.masked == ["crm.apiKey"]
    assert result.answer.body["headers"]["Authorization"] == "Bearer [redacted]"
    assert VALUES[Environment.STAGING] not in str(result.as_json())
    secret.refresh_from_db()
    assert secret.last_used_at is not None
    assert Run.objects.get().outcome == "succeeded"
