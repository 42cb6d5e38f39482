"""Every log line of the whole suite, at DEBUG, is looked at: none may hold a value that the test has stored.

A plugin (`pyproject.toml`). Values are learnt where they are sealed, so no test has to name its own.
"""

import logging
from collections.abc import Iterator
from functools import wraps

import pytest

SHORTEST = 10
"""Characters; shorter ones are words that a log line may hold by chance."""


class LogWatch(logging.Handler):
    """Raises at the very call that would log a value, and remembers it in case somebody swallows that."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(message)s"))
        self.values: set[str] = set()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the message, its arguments and its traceback."""
        if not self.values:
            return
        text = f"{self.format(record)} {record.args!r}"
        if any(value in text for value in self.values):
            self.seen.append(f"{record.name}: {record.msg[:80]}")
            raise AssertionError(f"a log line of {record.name} holds a stored value")


WATCH = LogWatch()


@pytest.fixture(scope="session", autouse=True)
def every_log_is_watched() -> Iterator[None]:
    """The handler at the root, and an ear where values are sealed."""
    from secrets_app.sealing import crypto

    root, sealing = logging.getLogger(), crypto.seal_value

    @wraps(sealing)
    def heard(key, value, *args, **kwargs):
        if len(text := value.expose()) >= SHORTEST:
            WATCH.values.add(text)
        return sealing(key, value, *args, **kwargs)

    crypto.seal_value = heard
    named = ["", *logging.Logger.manager.loggerDict]
    levels = {name: level for name in named if (level := logging.getLogger(name).level)}
    root.addHandler(WATCH)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    root.removeHandler(WATCH)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    crypto.seal_value = sealing


@pytest.fixture(autouse=True)
def no_log_line_holds_a_value() -> Iterator[None]:
    """Fails the test whose values a log line held."""
    WATCH.values.clear()
    WATCH.seen.clear()
    yield
    seen = list(WATCH.seen)
    WATCH.values.clear()
    assert seen == []
