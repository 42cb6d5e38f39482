"""What several of these tests use."""

from tests.integrations.conftest import inline, run  # noqa: F401
