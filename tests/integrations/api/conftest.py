"""What several tests of this folder use."""

import pytest

from tests.peers.upstreams import answering, http
from tests.support.things import make_action, store_secret


@pytest.fixture
def upstream():
    """Answers with the request, as text."""
    with answering(lambda request, connection: connection.sendall(http(request, headers=("X-Id: 7",)))) as url:
        yield url


@pytest.fixture
def echoing(owner, upstream):
    """An action to the echoing upstream, with a check."""
    store_secret(owner)
    return make_action(owner, base_url=upstream, check={"method": "GET", "path": "/me"})
