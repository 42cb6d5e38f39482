"""The watch over the suite's logs sees what it is for."""

import logging
import logging.config

import pytest
from django.conf import settings

from tests.log_watch import CLOSED, WATCH, watch_all_loggers
from tests.support.things import VALUE, store_secret

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["aiohttp.client", "django.request", "integrations.transport.client", "django.db.backends"]
)
@pytest.mark.parametrize("line", [("sent %s", VALUE), (f"sent Bearer {VALUE}",), ("sent %r", {"token": VALUE})])
def test_line_with_a_stored_value_raises_at_the_call(owner, name, line):
    store_secret(owner)
    with pytest.raises(AssertionError, match="holds a stored value"):
        logging.getLogger(name).debug(*line)
    assert [entry.partition(":")[0] for entry in WATCH.seen] == [name]
    WATCH.seen.clear()


def fails():
    int(VALUE)


def fails_with_a_cause():
    try:
        int(VALUE)
    except ValueError as fault:
        raise RuntimeError("another") from fault


def fails_together():
    raise ExceptionGroup("several", [RuntimeError("another"), ValueError(VALUE)])


@pytest.mark.parametrize("act", [fails, fails_with_a_cause, fails_together])
def test_traceback_with_a_stored_value_raises_too(owner, act):
    store_secret(owner)
    try:
        act()
    except Exception:
        with pytest.raises(AssertionError, match="holds a stored value"):
            logging.getLogger("integrations").exception("failed")
    WATCH.seen.clear()


def test_other_lines_pass(owner):
    store_secret(owner)
    logging.getLogger("integrations").warning("crm.apiKey was used")
    assert WATCH.seen == []


def test_watch_begins_again_where_logging_was_configured():
    logging.config.dictConfig(settings.LOGGING)
    root = logging.getLogger()
    assert WATCH not in root.handlers
    watch_all_loggers()
    assert root.handlers.count(WATCH) == 1
    assert [handler.level for handler in root.handlers if type(handler) is logging.StreamHandler] == [CLOSED]
    assert {logging.getLogger(name).level for name in ("", *settings.LOGGING["loggers"])} <= {0, logging.DEBUG}
