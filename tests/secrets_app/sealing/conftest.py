"""What several tests of sealing use."""

import pytest

from secrets_app.sealing import keyring


@pytest.fixture
def master_keys(monkeypatch):
    """Starts the keyring again with other master keys."""

    def use(text):
        monkeypatch.setenv(keyring.VARIABLE, text)
        keyring.load()

    yield use
    monkeypatch.undo()
    keyring.load()
