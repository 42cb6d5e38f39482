"""Answers are searched for every value that the organization sends to the host, whoever runs what."""

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker import broker
from integrations.broker.mask_sets import KEPT_SECONDS, MaskSets, load
from integrations.broker.preparation import Call
from integrations.editing.integrations import IntegrationChanges, update_integration
from integrations.models import MaskStamp
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.models import SecretValue
from secrets_app.plaintext import Plaintext
from secrets_app.redaction.redactor import ValueSet
from secrets_app.rotation.rotation import stage
from tests.support.integrations.echoes import HEX, TOKEN, UUID
from tests.support.things import make_action, store_secret

D, S, P = Environment.DEVELOPMENT, Environment.STAGING, Environment.PRODUCTION
DEVELOPMENT_TOKEN = "dev-4Hq8Wn2Zt6Xk1Rb9Vy3Mc7Lp5"


class Settings(BaseHTTPRequestHandler):
    """An upstream with settings: what is put is what a later GET returns."""

    stored: dict[str, bytes] = {}

    def do_PUT(self) -> None:
        self.stored["body"] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"{}")

    def do_GET(self) -> None:
        self._answer(self.stored.get("body", b"{}"))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def settings_upstream():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Settings)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    Settings.stored.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def stored_and_read_back(owner, run, base_url, **secret):
    """A Production run stores a webhook secret at the upstream; a Development run reads the settings."""
    store_secret(owner, "hook.secret", TOKEN, [P], **secret)
    store_secret(owner, "crm.token", DEVELOPMENT_TOKEN, [D])
    body = {"type": "json", "content": '{"webhook": "{secrets.hook.secret}", "on": true}'}
    put = make_action(owner, "Set the webhook", uses="", environments=[P], base_url=base_url, method="PUT", body=body)
    get = make_action(owner, "Read settings", uses="crm.token", environments=[D], base_url=base_url)
    run(owner, put, P)
    return run(owner, get, D).answer


@pytest.mark.django_db
def test_a_value_that_another_run_stored_is_masked_and_not_named(owner, run, settings_upstream):
    answer = stored_and_read_back(owner, run, settings_upstream)
    assert answer.body == {"webhook": "[redacted]", "on": True}
    assert (answer.masked, answer.withheld) == ([], None)


@pytest.mark.django_db
def test_an_identifier_is_shown(owner, run, settings_upstream):
    answer = stored_and_read_back(owner, run, settings_upstream, is_identifier=True)
    assert answer.body == {"webhook": TOKEN, "on": True}


@pytest.mark.django_db
def test_the_mask_set_holds_every_strong_value_that_is_sent_to_the_host(owner, outsider):
    first = store_secret(owner, "first", TOKEN, [S])
    stage(actor=owner, secret_id=first.id, environment=S, value=Plaintext(UUID))
    store_secret(owner, "second", HEX, [P])
    store_secret(owner, "third", "a plain password", [S])
    store_secret(owner, "elsewhere", DEVELOPMENT_TOKEN, [S])
    for at, (name, host) in enumerate({"first": "a", "second": "a", "third": "a", "elsewhere": "b"}.items()):
        action = make_action(owner, f"Action {at}", uses=name, base_url=f"https://{host}.example.com")
        update_integration(actor=owner, integration_id=action.id, changes=IntegrationChanges(enabled=False))
    found = load(owner.organization.pk, "a.example.com")
    assert sorted(found.names) == ["first", "first", "second"], "staged too, of every environment; no weak ones"
    assert load(owner.organization.pk, "b.example.com").names == ["elsewhere"]
    assert load(outsider.organization.pk, "a.example.com").names == []
    SecretValue.objects.filter(secret=first).update(sealed=b"altered")
    assert load(owner.organization.pk, "a.example.com").names == ["second"], "what does not open is left out"


def stamp_of(actor):
    return MaskStamp.objects.filter(organization=actor.organization).values_list("stamp", flat=True).first()


@pytest.mark.django_db(transaction=True)
def test_the_stamp_moves_with_each_new_value_destination_and_mark(owner, outsider):
    seen = [stamp_of(owner)]

    def moved() -> bool:
        seen.append(stamp_of(owner))
        return seen[-1] != seen[-2]

    secret = store_secret(owner, value=TOKEN)
    assert moved()
    make_action(owner)
    assert moved()
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(description="new"))
    assert not moved()
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(values={S: Plaintext(UUID)}))
    assert moved()
    stage(actor=owner, secret_id=secret.id, environment=S, value=Plaintext(HEX))
    assert moved()
    values = dict.fromkeys(Environment, Plaintext(DEVELOPMENT_TOKEN))
    update_secret(actor=owner, secret_id=secret.id, changes=SecretChanges(is_identifier=True, values=values))
    assert moved()
    assert stamp_of(outsider) is None


@pytest.mark.django_db(transaction=True)
def test_a_value_that_is_new_is_masked_by_the_next_run(owner, settings_upstream, monkeypatch):
    loads = []
    sets = MaskSets(lambda *key: loads.append(key) or load(*key))
    monkeypatch.setattr(broker, "MASK_SETS", sets)
    store_secret(owner, "crm.token", DEVELOPMENT_TOKEN, [D])
    get = make_action(owner, "Read settings", uses="crm.token", environments=[D], base_url=settings_upstream)
    Settings.stored["body"] = f'["{TOKEN}"]'.encode()

    def read():
        return async_to_sync(broker.run)(owner, Call(get.id, D)).answer.body

    assert [read(), read(), len(loads)] == [[TOKEN], [TOKEN], 1]
    store_secret(owner, "hook.secret", TOKEN, [P])
    make_action(owner, "Set the webhook", uses="hook.secret", environments=[P], base_url=settings_upstream)
    assert [read(), read(), len(loads)] == [["[redacted]"], ["[redacted]"], 2]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.django_db(transaction=True)
async def test_mask_sets_are_kept_for_a_minute_by_stamp_within_their_memory():
    loads, clock = [], Clock()

    def loaded(organization, host):
        loads.append(host)
        return ValueSet([("key", Plaintext(TOKEN + host))])

    one = loaded(None, "a").memory
    sets, organization = MaskSets(loaded, clock, size=2 * one + 100), uuid4()
    loads.clear()

    async def get(host, stamp=1):
        return (await sets.get(organization, {host}, stamp))[0]

    first = await get("a")
    assert await get("a") is first
    assert await get("a", stamp=2) is not first
    clock.now += KEPT_SECONDS
    await get("a", stamp=2)
    assert loads == ["a", "a", "a"]
    await asyncio.gather(*[get("b") for _ in range(5)])
    assert loads == ["a", "a", "a", "b"], "runs at the same time share one load"
    await get("c")
    await get("b")
    await get("a", stamp=2)
    assert loads[4:] == ["c", "a"], "the least recently used one was dropped"
    assert await sets.get(organization, {""}, 1) == []
