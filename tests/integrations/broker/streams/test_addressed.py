"""Which connection an address below `/proxy/` means: looked up together with the key, for many requests at once."""

import asyncio
from uuid import uuid4

import pytest

from accounts.access.callers import PresentedKey
from accounts.common.environments import Environment
from accounts.errors import Invalid, NotFound, Unauthenticated
from integrations.broker.streams.addressed import Address, call_at
from tests.support.things import key_for, make_action, make_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]

S, P = Environment.STAGING, Environment.PRODUCTION


def asked(*requests):
    """What requests with these keys get for these addresses, all at the same moment: a call, or the kind of refusal."""

    async def all_of_them():
        calls = [call_at(PresentedKey(key, "127.0.0.1"), Address(*address), {}) for key, address in requests]
        return await asyncio.gather(*calls, return_exceptions=True)

    return [
        type(one) if isinstance(one, Exception) else (one.integration_id, one.environment)
        for one in asyncio.run(all_of_them())
    ]


def test_a_connection_is_found_by_its_name_in_the_organization_of_the_key(owner, outsider):
    ours, theirs = make_connection(owner, name="Llama API"), make_connection(outsider, name="LLAMA api")
    other = make_connection(owner, name="Größe %s")
    key, key_of_theirs = key_for(owner, environments=[S]), key_for(outsider, environments=[P])
    assert asked(
        (key, ("Llama API", None)), (key, ("LLAMA API", S)), (key_of_theirs, ("llama api", None)),
        (key, ("Größe %s", None)), (key, (str(other.id), None)), (key, (str(other.id), P)),
    ) == [(ours.id, S), (ours.id, S), (theirs.id, P), (other.id, S), (other.id, S), (other.id, P)]  # fmt: skip


def test_those_who_may_not_learn_nothing(owner, outsider):
    hidden = make_connection(owner, name="Hidden")
    make_connection(outsider, name="Theirs")
    make_action(owner, "Action", uses="")
    key, listed = key_for(owner, environments=[S]), key_for(owner, environments=[S], integrations=[])
    forged = f"{key[:-1]}{'0' if key[-1] != '0' else '1'}"
    for name, caller, refusal in [
        ("Hidden", listed, NotFound),
        (str(hidden.id), listed, NotFound),
        ("Theirs", key, NotFound),
        ("Action", key, NotFound),
        ("Nothing", key, NotFound),
        ("Hidden", forged, Unauthenticated),
        ("Hidden", "no key", Unauthenticated),
    ]:
        assert asked((caller, (name, None))) == [refusal], (name, caller)
    assert asked((key, (str(uuid4()), None)))[0][1] == S  # admission says that there is none


def test_the_environment_has_to_be_clear(owner):
    connection = make_connection(owner)
    key = key_for(owner, environments=[S, P])
    assert asked((key, ("CRM API", None)), (key, ("CRM API", P))) == [Invalid, (connection.id, P)]
