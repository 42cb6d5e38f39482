"""From a real call that fails to who wants to know, and back."""

import pytest

from accounts.common.environments import Environment
from integrations.models import EndpointKind
from tests.peers.upstreams import answering, http
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db


def test_integration_that_begins_to_fail_is_told_with_its_reason_and_works_again(
    owner, receiver, endpoint_of, until_done, clock, run
):
    status = ["401 Unauthorized", "401 Unauthorized", "200 OK"]
    endpoint_of(owner, "integration.failing", "integration.recovered")
    endpoint_of(owner, "integration.failing", kind=EndpointKind.SLACK)
    store_secret(owner)
    with answering(lambda request, connection: connection.sendall(http(b"{}", status=status.pop(0)))) as url:
        action = make_action(owner, base_url=url)
        for _ in range(3):
            run(owner, action, Environment.STAGING, "call")
            clock.pass_by(minutes=1)
            until_done()
    hooks = [event for event in receiver.events if "data" in event]
    assert [event["type"] for event in hooks] == ["integration.failing", "integration.recovered"]
    failing = hooks[0]["data"]
    assert (failing["integration"]["id"], failing["environment"], failing["status"]) == (str(action.id), "staging", 401)
    assert failing["link"].endswith(f"/integrations/{action.id}/")
    (message,) = [event for event in receiver.events if "blocks" in event]
    assert message["text"] == "Harbor Clinics: Failing: Look up patient"
