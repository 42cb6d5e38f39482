"""The demo of `make run` in a test database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.demo import loading, moving, people, stand_ins


@contextmanager
def loaded_demo(folder: Path) -> Iterator[Mapping[str, int]]:
    """Load the demo, with its stand-ins on free ports; the port of each.

    Args:
        folder: stands in for `var/`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "SIGN_IN_FILE", folder / "sign-in.json")
        patch.setattr(moving, "PORTS_FILE", folder / "ports.json")
        with stand_ins.started(dict.fromkeys(stand_ins.STAND_INS, 0), folder) as ports:
            assert loading.is_possible()
            loading.load_demo(ports)
            yield ports
