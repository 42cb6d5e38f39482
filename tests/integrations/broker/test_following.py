"""Redirects of an API action: off by default; followed, each hop is judged and another origin gets no secret."""

import base64
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product

import pytest
from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from accounts.errors import Refusal
from integrations.broker.checking import check
from integrations.editing.integrations import create_integration
from integrations.models import Run
from tests.peers.token_server import CLIENT_ID, CLIENT_SECRET, token_server
from tests.peers.upstreams import answering, closed_port, http
from tests.support.integrations.memory import all_caches, caches_that_hold, reaches, urls_that_hold
from tests.support.things import VALUE, make_action, store_secret

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

S = Environment.STAGING
JSON = {"type": "json", "content": '{"note": "hello"}'}


@dataclass
class Site:
    """A server that answers each path with a redirect, or with what it got."""

    redirects: dict[str, tuple[str, str]] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    url: str = ""
    slow: float = 0

    def respond(self, request, connection):
        text = request.decode("latin-1")
        self.received.append(text)
        time.sleep(self.slow)
        path = text.split(" ")[1]
        if path in self.redirects:
            status, location = self.redirects[path]
            headers = (f"Location: {location}",) if location else ()
            connection.sendall(http(b"", status=f"{status} Elsewhere", headers=headers))
        else:
            body = b"" if text.startswith("HEAD") else request
            connection.sendall(http(body, headers=("Content-Type: text/plain",)))

    @property
    def lines(self):
        """The first line of each request, without the version."""
        return [text.split(" HTTP/")[0] for text in self.received]


@pytest.fixture
def sites():
    """Two servers: two origins, since their ports differ."""
    with ExitStack() as stack:
        found = Site(), Site()
        for site in found:
            site.url = stack.enter_context(answering(site.respond))
        yield found


@pytest.fixture
def stored(owner):
    return store_secret(owner)


def action_at(actor, site, **config):
    return make_action(actor, base_url=site.url, path="/start", **{"follow_redirects": True, **config})


def refused(run, actor, action):
    with pytest.raises(Refusal) as refusal:
        run(actor, action, S)
    record = Run.objects.latest("started_at")
    assert (record.outcome, record.error_code) == ("failed", refusal.value.code)
    assert VALUE not in refusal.value.detail
    return refusal.value


# What works


def test_they_are_answers_unless_the_action_follows_them(owner, run, stored, sites):
    here, there = sites
    here.redirects["/start"] = ("302", f"{there.url}/x")
    result = run(owner, action_at(owner, here, follow_redirects=False), S)
    assert (result.outcome, result.answer.status, there.received) == ("upstream_error", 302, [])


SAME_ORIGIN = [
    ("/next", "/next"),
    ("HERE/next?a=1&b=%20", "/next?a=1&b=%20"),
    ("next", "/next"),
    ("./deep/../next", "/next"),
    ("../../next/", "/next/"),
    ("/a/%2e%2E/next", "/next"),
    ("?page=2", "/start?page=2"),
    ("/next#part", "/next"),
    ("//AUTHORITY/next", "/next"),
    ("HERE", "/"),
    ("/näxt", "/n%C3%A4xt"),
    ("/a|b", "/a%7Cb"),
]


def test_on_the_same_origin_everything_goes_along(owner, run, stored, sites):
    here, _ = sites
    action = action_at(owner, here)
    for given, called in SAME_ORIGIN:
        location = given.replace("HERE", here.url).replace("AUTHORITY", here.url.partition("//")[2])
        here.redirects["/start"] = ("302", location)
        here.received.clear()
        result = run(owner, action, S)
        assert (result.outcome, here.lines) == ("succeeded", ["GET /start", f"GET {called}"]), given
        assert f"Authorization: Bearer {VALUE}" in here.received[1], given
        assert VALUE not in str(result.as_json())


def test_another_origin_gets_no_secret_and_no_header_of_ours(owner, run, stored, sites):
    here, there = sites
    here.redirects["/start"] = ("302", f"{there.url}/next")
    headers = [
        {"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"},
        {"name": "X-Api-Key", "value": "{secrets.crm.apiKey}"},
        {"name": "X-Tenant", "value": "42"},
        {"name": "Cookie", "value": "a=b"},
        {"name": "Accept", "value": "text/plain"},
        {"name": "Accept-Language", "value": "{secrets.crm.apiKey}"},
    ]
    query = [{"name": "token", "value": "{secrets.crm.apiKey}"}]
    here.redirects[f"/start?token={VALUE}"] = here.redirects["/start"]
    result = run(owner, action_at(owner, here, headers=headers, query=query), S)
    assert (result.outcome, there.lines) == ("succeeded", ["GET /next"])
    head = there.received[0].split("\r\n\r\n")[0].split("\r\n")[1:]
    assert sorted(line.split(":")[0] for line in head) == [
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
    ]
    assert VALUE not in there.received[0]


def test_what_was_taken_away_does_not_come_back(owner, run, stored, sites):
    here, there = sites
    here.redirects["/start"] = ("307", f"{there.url}/next")
    there.redirects["/next"] = ("307", f"{here.url}/end")
    assert run(owner, action_at(owner, here), S).outcome == "succeeded"
    assert here.lines == ["GET /start", "GET /end"]
    assert VALUE not in here.received[1]


@pytest.mark.parametrize("kind", ["basic", "bearer", "oauth"])
def test_credentials_of_a_connector_stay_with_their_origin(owner, run, sites, kind, monkeypatch):
    from integrations.broker.tokens import oauth_tokens

    monkeypatch.setattr("integrations.broker.channel.TOKENS", oauth_tokens.Tokens())
    here, there = sites
    here.redirects["/start"] = ("302", f"{there.url}/next")
    (
        store_secret(owner),
        store_secret(owner, "crm.clientId", CLIENT_ID),
        store_secret(owner, "crm.clientSecret", CLIENT_SECRET),
    )
    with token_server() as server:
        configs = {
            "bearer": {"type": "bearer", "token": "{secrets.crm.apiKey}"},
            "basic": {"type": "basic", "username": "agent", "password": "{secrets.crm.apiKey}"},
            "oauth": {
                "type": "oauth2_client_credentials",
                "token_url": f"{server.url}/token",
                "client_id": "{secrets.crm.clientId}",
                "client_secret": "{secrets.crm.clientSecret}",
            },
        }
        connector = create_integration(
            actor=owner, kind="auth_connector", name="C", environments=[S], config=configs[kind]
        )
        result = run(owner, action_at(owner, here, uses="", auth_connector=str(connector.id)), S)
    assert result.outcome == "succeeded"
    assert "Authorization" in here.received[0]
    assert "Authorization" not in there.received[0]


METHODS = [
    ("301", "POST", "GET", False),
    ("302", "POST", "GET", False),
    ("303", "POST", "GET", False),
    ("303", "PUT", "GET", False),
    ("303", "DELETE", "GET", False),
    ("301", "PUT", "PUT", True),
    ("302", "PATCH", "PATCH", True),
    ("307", "POST", "POST", True),
    ("308", "POST", "POST", True),
    ("303", "HEAD", "HEAD", False),
    ("308", "DELETE", "DELETE", False),
]


@pytest.mark.parametrize("crosses", [False, True])
def test_the_method_follows_the_status(owner, run, stored, sites, crosses):
    here, there = sites
    for status, method, next_method, keeps_body in METHODS:
        here.redirects["/start"] = (status, f"{there.url}/next" if crosses else "/next")
        body = JSON if method in {"POST", "PUT", "PATCH"} else {"type": "none"}
        run(owner, action_at(owner, here, name=f"{method} {status}", method=method, body=body), S)
        request = (there if crosses else here).received[-1]
        assert request.startswith(f"{next_method} /next "), (status, method)
        assert request.endswith('{"note": "hello"}') is keeps_body, (status, method)
        assert ("Content-Type: application/json" in request) is keeps_body, (status, method)
    assert (len(here.received), len(there.received)) == ((11, 11) if crosses else (22, 0))


def test_the_check_of_the_action_follows_them_too(owner, inline, stored, sites):
    here, _ = sites
    here.redirects["/me"] = ("302", "/next")
    action = action_at(owner, here, check={"method": "GET", "path": "/me"})
    (step,) = async_to_sync(check)(owner, action.id, S)
    assert (step.outcome, here.lines) == ("passed", ["GET /me", "GET /next"])


@pytest.mark.parametrize(("status", "location"), [("304", "/next"), ("300", "/next"), ("302", "")])
def test_what_is_no_redirect_is_an_answer(owner, run, stored, sites, status, location):
    here, _ = sites
    here.redirects["/start"] = (status, location)
    result = run(owner, action_at(owner, here), S)
    assert (result.outcome, result.answer.status, len(here.received)) == ("upstream_error", int(status), 1)


# What is refused


def test_three_are_followed_and_no_more(owner, run, stored, sites):
    here, _ = sites
    here.redirects |= {"/start": ("302", "/1"), "/1": ("302", "/2"), "/2": ("302", "/3")}
    assert run(owner, action_at(owner, here), S).outcome == "succeeded"
    Run.objects.all().delete()
    here.redirects["/3"] = ("302", "/start")
    here.received.clear()
    refusal = refused(run, owner, make_again(owner, here))
    assert (refusal.code, len(here.received)) == ("response_unreadable", 4)
    assert refusal.detail == "127.0.0.1 redirects more than 3 times."


def make_again(owner, site):
    return make_action(owner, "Again", base_url=site.url, path="/start", follow_redirects=True)


JUDGED = [
    ("http://10.0.0.1/", "egress_denied"),
    ("http://169.254.169.254/latest/meta-data", "egress_denied"),
    ("http://[::1]/", "egress_denied"),
    ("http://2130706433/", "invalid_url"),
    ("http://user:pass@127.0.0.1/", "invalid_url"),
    ("//127.0.0.1:99999/", "invalid_url"),
    ("ftp://127.0.0.1/", "invalid_url"),
    ("javascript:alert(1)", "invalid_url"),
    ("http:relative", "invalid_url"),
    ("/a\\b", "invalid_url"),
    ("http://127.0.0.1\\@evil.example/", "invalid_url"),
    ("/" + "a" * 9000, "invalid_url"),
]


def test_a_hop_is_judged_like_the_first_call(owner, run, stored, sites):
    here, there = sites
    action = action_at(owner, here)
    for location, code in JUDGED:
        here.redirects["/start"] = ("302", location)
        here.received.clear()
        assert refused(run, owner, action).code == code, location
        assert (len(here.received), there.received) == (1, []), location


def test_a_redirect_to_two_places_is_refused(owner, run, stored):
    def two(request, connection):
        connection.sendall(http(b"", status="302 Found", headers=("Location: /a", "Location: /b")))

    with answering(two) as url:
        action = make_action(owner, base_url=url, follow_redirects=True)
        assert refused(run, owner, action).code == "invalid_url"


def test_a_host_that_a_secret_of_the_call_does_not_allow_is_not_called(owner, run, sites):
    """Also where the secret would not go there: what follows belongs to the call that used it."""
    here, there = sites
    store_secret(owner, allowed_domains=["localhost"])
    here.redirects["/start"] = ("302", f"{there.url}/next")
    here_by_name = Site(url=here.url.replace("127.0.0.1", "localhost"))
    refusal = refused(run, owner, action_at(owner, here_by_name))
    assert refusal.code == "domain_not_allowed"
    assert refusal.detail == "A redirect leads to 127.0.0.1, which is not one of the allowed domains of crm.apiKey."
    assert (len(here.received), there.received) == (1, [])


def test_every_secret_of_the_call_must_allow_it(owner, run, sites):
    here, there = sites
    store_secret(owner), store_secret(owner, "other.key", "other-value-22", allowed_domains=["localhost"])
    here.redirects["/start"] = ("302", f"{there.url}/next")
    here_by_name = Site(url=here.url.replace("127.0.0.1", "localhost"))
    headers = [
        {"name": "Authorization", "value": "Bearer {secrets.crm.apiKey}"},
        {"name": "X-Other", "value": "{secrets.other.key}"},
    ]
    assert "other.key" in refused(run, owner, action_at(owner, here_by_name, headers=headers)).detail
    assert there.received == []


SPELT = [
    VALUE,
    base64.b64encode(VALUE.encode()).decode(),
    VALUE.encode().hex(),
    "".join(f"%{byte:02x}" for byte in VALUE.encode()),
]


def test_an_address_that_repeats_a_value_is_not_called(owner, run, stored, sites):
    here, there = sites
    action = action_at(owner, here)
    places = [f"{there.url}/next?k=VALUE", f"{there.url}/VALUE", "http://VALUE.example.com/"]
    for spelt, place in product(SPELT, places):
        here.redirects["/start"] = ("302", place.replace("VALUE", spelt))
        refusal = refused(run, owner, action)
        assert refusal.code in {"domain_not_allowed", "invalid_url"}, (spelt, place)
        assert spelt not in refusal.detail, (spelt, place)
        assert there.received == [], (spelt, place)


def test_a_host_that_repeats_a_value_in_another_case_is_neither_called_nor_named_nor_kept(owner, run, sites):
    here, _ = sites
    store_secret(owner, value="Canary-Of-A-Host-71D2")
    action = action_at(owner, here)
    for host in ("{}.example.com", "{}", "a.{}.example", "{}:444"):
        here.redirects["/start"] = ("302", f"http://{host.format('canarY-OF-a-host-71d2')}/")
        assert refused(run, owner, action).detail == "A redirect would send crm.apiKey to another origin.", host
    kept = [cache.__qualname__ for cache in all_caches() if reaches(cache, "-host-71d2", seen=set(), depth=3)]
    assert kept == []


def test_the_same_origin_may_repeat_a_value_in_its_address(owner, run, stored, sites):
    here, _ = sites
    here.redirects["/start"] = ("302", f"/next?session={VALUE}")
    result = run(owner, action_at(owner, here), S)
    assert (result.outcome, here.lines[1]) == ("succeeded", f"GET /next?session={VALUE}")
    assert VALUE not in str(result.as_json())


@pytest.mark.parametrize(
    "body",
    [
        {"type": "json", "content": '{"key": "{secrets.crm.apiKey}"}'},
        {"type": "text", "content": "key {secrets.crm.apiKey}"},
        {"type": "form", "content": [{"name": "key", "value": "{secrets.crm.apiKey}"}]},
    ],
)
def test_a_body_with_a_secret_stays_with_its_origin(owner, run, stored, sites, body):
    here, there = sites
    here.redirects["/start"] = ("307", f"{there.url}/next")
    refusal = refused(run, owner, action_at(owner, here, uses="", method="POST", body=body))
    assert refusal.detail == "A redirect would send crm.apiKey to another origin."
    assert there.received == []


def test_a_body_that_is_dropped_stands_in_nobodys_way(owner, run, stored, sites):
    here, there = sites
    here.redirects["/start"] = ("303", f"{there.url}/next")
    body = {"type": "text", "content": "key {secrets.crm.apiKey}"}
    assert run(owner, action_at(owner, here, uses="", method="POST", body=body), S).outcome == "succeeded"
    assert VALUE not in there.received[0]


def test_all_hops_share_one_limit_of_time(owner, run, stored, sites):
    here, _ = sites
    here.slow = 0.6
    here.redirects |= {"/start": ("302", "/1"), "/1": ("302", "/2")}
    started = time.monotonic()
    assert refused(run, owner, action_at(owner, here, timeout_seconds=1)).code == "upstream_timeout"
    assert time.monotonic() - started < 1.6


def test_a_hop_that_cannot_be_reached_is_told(owner, run, stored, sites):
    here, _ = sites
    here.redirects["/start"] = ("302", f"http://127.0.0.1:{closed_port()}/")
    assert refused(run, owner, action_at(owner, here)).code == "upstream_unreachable"


def test_no_address_of_a_hop_stays_in_memory(owner, run, sites):
    here, _ = sites
    store_secret(owner, value="canary-of-a-hop-71d2")
    here.redirects["/start"] = ("302", "/next?session=canary-of-a-hop-71d2")
    assert run(owner, action_at(owner, here), S).outcome == "succeeded"
    assert (caches_that_hold("canary-of-a-hop-71d2"), urls_that_hold("canary-of-a-hop-71d2")) == (set(), 0)
