"""A second master key for tests."""

import base64
from contextlib import contextmanager
from unittest.mock import patch

from secrets_app.sealing import canaries, held_keys
from secrets_app.sealing.master_keys import parse_master_keys
from tests import environment

OTHER = base64.b64encode(bytes(range(100, 132))).decode()
OLD_ENTRY, NEW_ENTRY = f"test:env:{environment.MASTER_KEY}", f"new:env:{OTHER}"
OLD_FIRST, NEW_FIRST = f"{OLD_ENTRY},{NEW_ENTRY}", f"{NEW_ENTRY},{OLD_ENTRY}"


@contextmanager
def held(text):
    """This process holds other master keys for a while."""
    canaries.forget()
    with patch.object(held_keys, "current", parse_master_keys(text)):
        yield
    canaries.forget()
