import ssl

import pytest
from hypothesis import settings

from tests.unit.integrations.upstreams import Authority

# A busy machine must not fail a property; how long one example takes is not what these tests ask.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that the test upstreams have their certificates from."""
    return Authority.make()


@pytest.fixture
def trusting(authority) -> ssl.SSLContext:
    """A client's context that trusts it alone."""
    return authority.trusting()
