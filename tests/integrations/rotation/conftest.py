"""What several tests of this folder use."""

import pytest

from tests.support.things import store_secret


@pytest.fixture
def secret(owner):
    return store_secret(owner)
