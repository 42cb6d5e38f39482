"""The password of a SIP trunk is nowhere, in no spelling, and neither is what is made of it but the answer of `sign`.

Everything is done through the API, against a registrar that knows the password and repeats all it can.
"""

import pytest

from accounts.common.environments import Environment
from integrations.sip import digest
from integrations.sip.digest import read_credentials
from tests.peers.sip import reply, sip_over_udp
from tests.support.canary import (
    VALUES,
    Program,
    cache_surface,
    database_surfaces,
    forms_of,
    leaks,
    watched_logs,
)

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CHALLENGE = 'Digest realm="sip.test", nonce="n-1", qop="auth", algorithm=SHA-256'


def half_of(value):
    """HA1."""
    return digest.secret_half("SHA-256", username="trunk1", realm="sip.test", password=value)


class Registrar:
    """Says all it knows of the value of `environment`, one thing after the other: as reason and as realm."""

    def __init__(self):
        self.environment, self.responses = Environment.STAGING, set()
        self._turn = 0

    def __call__(self, request):
        text = request.decode()
        if text.startswith("OPTIONS"):
            return [reply(request, f"200 {self._next()}")]
        if "Authorization:" not in text:
            realm = digest.quoted(self._next()) if self._turn % 3 == 0 else '"sip.test"'
            asks = CHALLENGE.replace('"sip.test"', realm)
            return [reply(request, "401 Unauthorized", f"WWW-Authenticate: {asks}")]
        response = text.partition('response="')[2].partition('"')[0]
        self.responses.add(response)
        return [reply(request, f"403 {response if self._turn % 2 else self._next()}", f"X: {response}")]

    def _next(self):
        value = VALUES[self.environment]
        said = [*(form.decode() for form in forms_of(value).values()), half_of(value), "x" * 70 + value]
        self._turn += 1
        return said[self._turn % len(said)]


def test_no_value_and_nothing_made_of_it_comes_out(owner):
    program, hostile = Program(owner), Registrar()
    environments = [environment.value for environment in Environment]
    signed = []
    with watched_logs() as logs, sip_over_udp(hostile) as port:
        values = {environment.value: text for environment, text in VALUES.items()}
        program.call("POST", "/secrets", {"name": "sip.password", "values": values})
        config = {"host": "127.0.0.1", "port": port, "transport": "udp", "register": True}
        config |= {"username": "trunk1", "password": "{secrets.sip.password}", "realm": "sip.test"}
        trunk = {"kind": "sip_trunk", "name": "Trunk", "environments": environments, "config": config}
        path = f"/integrations/{program.call('POST', '/integrations', trunk)['id']}"
        for environment in environments:
            hostile.environment = Environment(environment)
            for _ in range(12):
                program.call("POST", f"{path}/test", {"environment": environment})
            about = {"method": "REGISTER", "uri": "sip:sip.test", "challenge": CHALLENGE}
            run = {"environment": environment, "operation": "sign", "params": about}
            signed.append(program.call("POST", f"{path}/run", run)["body"]["value"])
            checked = about | {"authorization": signed[-1]}
            program.call("POST", f"{path}/run", {**run, "operation": "verify", "params": checked})
        for reading in ("/runs", "/secrets", "/integrations", path):
            program.call("GET", reading)
    surfaces = {**program.answers, **database_surfaces(), "cache": cache_surface()}
    assert leaks(surfaces) == []
    assert (logs.seen, logs.lines > 0) == ([], True)
    everything = b"\n".join(surfaces.values()).decode("utf-8", "replace")
    assert [value for value in VALUES.values() if half_of(value) in everything] == []
    assert len(hostile.responses) > 10
    assert [response for response in hostile.responses if response in everything] == []
    answers = [read_credentials(value).response for value in signed]
    assert [everything.count(answer) for answer in answers] == [1, 1, 1]


def test_the_test_would_see_a_leak():
    assert leaks({"reason": next(iter(VALUES.values())).encode()})
