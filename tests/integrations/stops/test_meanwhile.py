"""What is stopped while a call is under way stops its answer, too."""

import pytest
from asgiref.sync import sync_to_async

from accounts.access.agent_sessions import start_session
from accounts.access.api_keys import revoke_api_key
from accounts.access.callers import PresentedKey, actor_of_key, keys_with, refusal_meanwhile
from accounts.access.suspension import stop_agent
from accounts.common.environments import Environment
from accounts.common.sql.compiled import ask_together
from accounts.errors import Refusal, Unauthenticated
from accounts.models import ApiKey, User
from accounts.people.stopping import stop_agents
from accounts.policy import Scope
from integrations.broker import ends
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.errors import UpstreamUnreachable
from integrations.models import Integration, Run
from integrations.transport import client
from secrets_app.editing.secrets import set_enabled
from secrets_app.models import Secret
from tests.peers.upstreams import answering, http
from tests.support.integrations.actions import VALUE, action_to
from tests.support.integrations.admission import admit
from tests.support.things import key_for, make_action, make_connector, store_secret

pytestmark = pytest.mark.django_db
S = Environment.STAGING


def disable(actor, name):
    integration_id = Integration.objects.get(name=name).pk
    update_integration(actor=actor, integration_id=integration_id, changes=IntegrationChanges(enabled=False))


STOPS = {
    "the key is revoked": (
        lambda owner: revoke_api_key(actor=owner, key_id=ApiKey.objects.get().id), "unauthenticated", 401
    ),
    "its maker is deactivated": (
        lambda owner: User.objects.filter(pk=owner.id).update(is_active=False), "unauthenticated", 401
    ),
    "its agent is stopped": (
        lambda owner: stop_agent(actor=owner, key_id=ApiKey.objects.get().id, why="Refunds"), "agent_stopped", 403
    ),
    "all agents are stopped": (lambda owner: stop_agents(actor=owner, why="Refunds"), "agents_stopped", 403),
    "the secret is disabled": (
        lambda owner: set_enabled(actor=owner, secret_id=id_of("crm.apiKey"), enabled=False), "secret_disabled", 409
    ),
    "the integration is disabled": (lambda owner: disable(owner, "Call CRM"), "integration_disabled", 409),
    "its connector is disabled": (lambda owner: disable(owner, "CRM bearer token"), "integration_disabled", 409),
    "the integration is gone": (
        lambda owner: Integration.objects.filter(name="Call CRM").delete(), "integration_disabled", 409
    ),
}  # fmt: skip


@pytest.fixture
def stored(owner):
    return store_secret(owner, value=VALUE)


@pytest.fixture
def call(owner, stored, run, monkeypatch):
    """Call an action with an API key; something happens once the upstream has answered."""
    key = key_for(owner, Scope.RUN)
    connector = make_connector(owner)
    happens, send = [], client.send

    async def sending(*args, **kwargs):
        response = await send(*args, **kwargs)
        for act in happens:
            await sync_to_async(act)(owner)
        return response

    monkeypatch.setattr(client, "send", sending)
    with answering(lambda request, connection: connection.sendall(http(b'{"balance": 7}'))) as url:
        action = action_to(owner, url, name="Call CRM", headers=[], auth_connector=str(connector.id))

        def make(*acts, caller=None):
            happens[:] = acts
            return run(caller or PresentedKey(key, None), action, S)

        yield make


@pytest.mark.parametrize("stop", STOPS)
def test_answer_is_refused_and_the_record_says_so(call, stop):
    act, code, status = STOPS[stop]
    with pytest.raises(Refusal) as refusal:
        call(act)
    assert (refusal.value.code, refusal.value.status) == (code, status)
    assert "7" not in refusal.value.detail
    record = Run.objects.get()
    assert refusal.value.members["run_id"] == str(record.pk)
    assert (record.outcome, record.error_code, record.status) == ("failed", code, 200)


def test_calls_that_end_together_are_judged_each_for_itself(owner):
    stored = [store_secret(owner, name) for name in ("one", "other")]
    actions = [make_action(owner, f"Call {secret.name}", uses=secret.name) for secret in stored]
    calls = [admit(owner, Call(action.id, S)) for action in actions]
    assert ends._stopped_meanwhile([*calls, None]) == [None] * 3
    set_enabled(actor=owner, secret_id=stored[1].id, enabled=False)
    codes = [refusal and refusal.code for refusal in ends._stopped_meanwhile([*calls, None, *calls])]
    assert codes == [None, "secret_disabled", None, None, "secret_disabled"]
    Integration.objects.filter(pk=actions[0].pk).delete()
    codes = [refusal and refusal.code for refusal in ends._stopped_meanwhile(calls)]
    assert codes == ["integration_disabled", "secret_disabled"]


def test_answer_of_a_session_is_refused_once_its_key_is_revoked(owner, call):
    """As in another process than the one that revoked the key: nobody stops the call itself."""
    key = actor_of_key(key_for(owner, Scope.RUN), address=None)
    _, text = start_session(actor=key, name="call-4711")
    with pytest.raises(Unauthenticated):
        call(lambda owner: revoke_api_key(actor=owner, key_id=key.id), caller=PresentedKey(text.text, None))
    record = Run.objects.get()
    assert (record.caller, record.error_code) == ("API key agent, session call-4711", "unauthenticated")


@pytest.mark.parametrize("stop", ["nothing", *STOPS][:5])
def test_keys_that_are_looked_up_again_come_with_all_that_is_judged(owner, django_assert_num_queries, stop):
    act, code, _ = STOPS.get(stop, (lambda _: None, None, None))
    caller = actor_of_key(key_for(owner, Scope.RUN), address=None)
    act(owner)
    session, _ = start_session(actor=caller, name="call-4711")
    with django_assert_num_queries(1):
        (keys,) = ask_together(keys_with([caller.id, session.id]))
        refusals = [refusal_meanwhile(key) for key in keys]
    assert [refusal and refusal.code for refusal in refusals] == [code, code]


def test_answer_is_given_out_if_nothing_was_stopped(call, owner):
    assert call().answer.body == {"balance": 7}
    store_secret(owner, "another")
    assert (
        call(lambda owner: set_enabled(actor=owner, secret_id=id_of("another"), enabled=False)).outcome == "succeeded"
    )
    assert call(lambda owner: revoke_api_key(actor=owner, key_id=ApiKey.objects.get().id), caller=owner).answer.body


def id_of(name):
    return Secret.objects.get(name=name).id


def test_failure_of_the_upstream_stays_one(owner, call, monkeypatch):
    """Only an answer is judged again."""

    async def broken(*args, **kwargs):
        await sync_to_async(STOPS["the key is revoked"][0])(owner)
        raise UpstreamUnreachable("Nobody answered.")

    monkeypatch.setattr(client, "send", broken)
    with pytest.raises(UpstreamUnreachable):
        call()
    assert Run.objects.get().error_code == "upstream_unreachable"


@pytest.mark.parametrize("stop", STOPS)
def test_nothing_more_is_sent_once_a_run_is_stopped(owner, stored, run, monkeypatch, stop):
    """As in another process than the one that stopped it. The run would follow a redirect."""
    act, code, status = STOPS[stop]
    key, connector, seen, send = key_for(owner, Scope.RUN), make_connector(owner), [], client.send

    def redirect(request, connection):
        seen.append(request)
        connection.sendall(http(b"", status="307 Temporary Redirect", headers=("Location: /next",)))

    async def sending(*args, **kwargs):
        response = await send(*args, **kwargs)
        await sync_to_async(act)(owner)
        return response

    monkeypatch.setattr(client, "send", sending)
    with answering(redirect) as url:
        config = {"headers": [], "auth_connector": str(connector.id), "follow_redirects": True}
        action = action_to(owner, url, name="Call CRM", **config)
        with pytest.raises(Refusal) as refusal:
            run(PresentedKey(key, None), action, S)
    assert (refusal.value.code, refusal.value.status, len(seen)) == (code, status, 1)
    record = Run.objects.get()
    assert (record.outcome, record.error_code) == ("failed", code)
