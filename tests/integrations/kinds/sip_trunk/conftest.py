"""What several tests of this folder use."""

import pytest

from tests.support.integrations.trunks import PASSWORD
from tests.support.things import make_trunk, store_secret


@pytest.fixture
def trunk(owner):
    store_secret(owner, "sip.password", PASSWORD)
    return make_trunk(owner)
