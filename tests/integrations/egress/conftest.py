"""What every test of the egress rules needs."""

import pytest

from integrations.egress import own_ports


@pytest.fixture(autouse=True)
def served_nowhere(monkeypatch):
    """No port is Coffer's own because an earlier test called the application there."""
    monkeypatch.setattr(own_ports, "SERVED", set())
