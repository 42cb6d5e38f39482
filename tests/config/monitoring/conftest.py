"""The folder in which this process measures."""

import os

import pytest

from config.monitoring import folder


@pytest.fixture(scope="session")
def counting(tmp_path_factory):
    """The folder of a server; `prometheus_client` keeps to the first for as long as this process lives."""
    os.environ[folder.VARIABLE] = str(tmp_path_factory.mktemp("metrics"))
    yield os.environ[folder.VARIABLE]
    del os.environ[folder.VARIABLE]
