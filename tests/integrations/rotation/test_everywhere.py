"""The rotation of one value in all environments: each step happens in all of them or in none."""

import re
from collections import defaultdict

import pytest

from accounts.common.environments import Environment
from tests.peers.upstreams import answering, http
from tests.support.integrations.rotation import NEW, kept, stage
from tests.support.sign_in import sign_in
from tests.support.things import VALUE, make_action, store_secret

CHECK = {"check": {"method": "GET", "path": "/me"}}


@pytest.fixture
def upstream():
    with answering(lambda request, sending: sending.sendall(http(b"{}"))) as url:
        yield url


@pytest.mark.django_db(transaction=True)
def test_one_value_for_all_environments_is_rotated_in_one_go(client, owner, upstream):
    secret = store_secret(owner, entered_once=True)
    sign_in(client, owner)
    make_action(owner, base_url=upstream, environments=tuple(Environment), **CHECK)
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/"
    everywhere = {"current": {VALUE}}

    def kept_everywhere():
        found = defaultdict(set)
        for where in Environment:
            for state, text in kept(secret, where).items():
                found[state].add(text)
        return dict(found)

    def fields(page, *names):
        return {name: re.findall(rf'name="{name}" value="([^"]+)"', page) for name in names}

    page = client.post(base, {"environment": "all", "value": NEW}, follow=True).content.decode()
    assert "0 of 3 checked" in page and "One value for Development, Staging, Production" in page
    assert kept_everywhere() == everywhere | {"staged": {NEW}}
    page = client.post(f"{base}all/check/", follow=True).content.decode()
    assert "All 3 references accept" in page
    asked = client.get(f"{base}all/promote/").content.decode()
    page = client.post(f"{base}all/promote/", fields(asked, "staged"), follow=True).content.decode()
    assert "The new shared value is live" in page
    assert kept_everywhere() == {"current": {NEW}, "previous": {VALUE}}
    client.post(f"{base}all/rollback/", {"seen": fields(page, "seen")["seen"][:3]})
    assert kept_everywhere() == everywhere
    assert client.get(f"{base}all/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_promotion_everywhere_happens_in_all_environments_or_in_none(client, owner):
    secret = store_secret(owner, entered_once=True)
    sign_in(client, owner)
    base = f"/o/harbor-clinics/secrets/{secret.id}/rotate/"
    client.post(base, {"environment": "all", "value": NEW})
    asked = client.get(f"{base}all/promote/").content.decode()
    staged = re.findall(r'name="staged" value="([^"]+)"', asked)
    stage(owner, secret, "somebody-else-was-here")
    told = client.post(f"{base}all/promote/", {"staged": staged, "accept_failures": "on"})
    assert told.status_code == 409
    assert [kept(secret, where)["current"] for where in Environment] == [VALUE] * 3
    separate = store_secret(owner, "separate")
    page = client.get(f"/o/harbor-clinics/secrets/{separate.id}/rotate/").content.decode()
    assert 'value="all"' not in page
