"""What several of these tests use."""

import pytest
from django.test import Client

from tests.support.sign_in import sign_in
from tests.support.things import key_for
from tests.support.web.access_table import CALLERS, ids_of


@pytest.fixture
def world(owner, admin, member, outsider):
    """A caller of each kind by name, and something for each part of a pattern to name."""
    clients = {name: Client(raise_request_exception=False) for name in CALLERS}
    for actor, name in ((owner, "owner"), (admin, "admin"), (member, "member"), (outsider, "outsider")):
        sign_in(clients[name], actor)
    clients["key"].defaults["HTTP_AUTHORIZATION"] = f"Bearer {key_for(owner)}"
    return clients, ids_of(owner)
