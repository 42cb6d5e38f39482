"""The demo of `make run` in a test database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.demo import loading, people, upstream


@contextmanager
def loaded_demo(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Load the demo, with its echo upstream on a free port; the requests that the upstream received.

    Args:
        folder: where the file with the passwords is written.
    """
    received: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch, upstream.serving(0, received.append) as port:
        patch.setattr(people, "SIGN_IN_FILE", folder / "sign-in.json")
        patch.setattr(loading, "ECHO_URL", f"http://127.0.0.1:{port}")
        assert loading.is_possible()
        loading.load_demo()
        yield received
