"""A held call, as in the tests of its services."""

import pytest

from tests.support.integrations.approvals import Stand


@pytest.fixture
def stand(owner):
    return Stand(owner)
