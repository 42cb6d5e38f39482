"""The stand of most tests of approvals."""

import pytest

from tests.support.integrations.approvals import Stand


@pytest.fixture
def stand(owner):
    return Stand(owner)
