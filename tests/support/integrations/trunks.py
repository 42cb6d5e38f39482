"""SIP trunks, their challenges, and a registrar with prepared answers."""

from asgiref.sync import async_to_sync

from accounts.common.environments import Environment
from integrations.broker.checking import check
from integrations.sip import digest
from integrations.sip.digest import read_challenge, read_credentials
from tests.peers.sip import reply

S, P = Environment.STAGING, Environment.PRODUCTION
PASSWORD = "s3cr3t-p@ss"
CHALLENGE = 'Digest realm="sip.test", nonce="n-1", qop="auth", algorithm={}'
MD5, SHA = CHALLENGE.format("MD5"), CHALLENGE.format("SHA-256")


def is_right(value, challenge, password=PASSWORD, method="REGISTER", uri="sip:sip.test"):
    asked = read_challenge(challenge)
    ha1 = digest.secret_half(asked.algorithm, username="trunk1", realm=asked.realm, password=password)
    given = read_credentials(value)
    return digest.is_answered_by(asked, given, username="trunk1", ha1=ha1, method=method, uri=uri)


def steps_of(actor, trunk):
    return [(step.name, step.outcome, step.code, step.detail) for step in async_to_sync(check)(actor, trunk.id, S)]


def registrar_saying(*answers):
    """OPTIONS are answered with 200, the REGISTERs with these, one after the other: a status and more headers."""
    left = list(answers)

    def answer(request):
        if request.startswith(b"OPTIONS"):
            return [reply(request)]
        return [reply(request, *left.pop(0))]

    return answer


ASKS = ("401 Unauthorized", f"WWW-Authenticate: {MD5}")
