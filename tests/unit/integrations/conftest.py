import ssl

import pytest

from tests.unit.integrations.upstreams import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority that the test upstreams have their certificates from."""
    return Authority.make()


@pytest.fixture
def trusting(authority) -> ssl.SSLContext:
    """A client's context that trusts it alone."""
    return authority.trusting()
