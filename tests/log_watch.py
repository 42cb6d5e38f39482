"""A pytest plugin (`pyproject.toml`) that fails a test when a log line holds a value that the test has stored.

Every logger is open to DEBUG, and the watch reads each line. Values are learnt where they are sealed, so no test has to
name its own. What a failing test prints is another matter: pytest reports its log lines from WARNING on (`log_level`),
and the product's own handler, which would print the same lines again, is closed.
"""

import logging
from collections.abc import Iterator
from functools import wraps
from traceback import format_exception_only

import pytest
from ahocorasick_rs import AhoCorasick

SHORTEST = 10
"""Characters; shorter ones are words that a log line may hold by chance."""
CLOSED = logging.CRITICAL + 1


class LogWatch(logging.Handler):
    """Raises at the very call that would log a value, and remembers it in case somebody swallows that."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.values: set[str] = set()
        self.seen: list[str] = []
        self._search, self._searched = AhoCorasick([]), 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the message, its arguments and what its exceptions say."""
        if not self.values:
            return
        text = f"{record.getMessage()} {record.args!r} {_words_of(record.exc_info[1] if record.exc_info else None)}"
        if self._holds_value(text):
            self.seen.append(f"{record.name}: {record.msg[:80]}")
            raise AssertionError(f"a log line of {record.name} holds a stored value")

    def _holds_value(self, text: str) -> bool:
        """Search for all values at once: an import of thousands of lines logs statements as long as they are many."""
        if len(self.values) != self._searched:
            self._search, self._searched = AhoCorasick(self.values), len(self.values)
        return bool(self._search.find_matches_as_indexes(text))

    def forget(self) -> None:
        """Begin again with no values."""
        self.values.clear()
        self.seen.clear()
        self._searched = 0


def _words_of(error: BaseException | None) -> str:
    """What a traceback says besides its lines of source, which hold no stored value and take long to read."""
    found: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if one is not None and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return "".join(line for one in found for line in format_exception_only(one))


WATCH = LogWatch()


def watch_all_loggers() -> None:
    """Open every logger to the watch, and close the product's handler; again where somebody has configured logging."""
    root = logging.getLogger()
    product = [handler for handler in root.handlers if type(handler) is logging.StreamHandler]
    if WATCH in root.handlers and all(handler.level == CLOSED for handler in product):
        return
    for handler in product:
        handler.setLevel(CLOSED)
    for name in ("", *logging.Logger.manager.loggerDict):
        if logging.getLogger(name).level:
            logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(WATCH)


def pytest_configure() -> None:
    """Begin before the first test: at the end of each phase, pytest sets the root's level back to the one before."""
    watch_all_loggers()


@pytest.fixture(scope="session", autouse=True)
def sealed_values_are_known() -> Iterator[None]:
    """Tell the watch every value that is sealed."""
    from secrets_app.sealing import crypto

    seal = crypto.seal_value

    @wraps(seal)
    def told(key, value, *args, **kwargs):
        if len(text := value.expose()) >= SHORTEST:
            WATCH.values.add(text)
        return seal(key, value, *args, **kwargs)

    crypto.seal_value = told
    yield
    crypto.seal_value = seal


@pytest.fixture(autouse=True)
def no_log_line_holds_a_value() -> Iterator[None]:
    """Fails the test whose values a log line held."""
    watch_all_loggers()
    WATCH.forget()
    yield
    seen = list(WATCH.seen)
    WATCH.forget()
    assert seen == []
