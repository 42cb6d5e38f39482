"""Ends a process that cannot start with sentences instead of a traceback."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

from accounts.common.outages import is_outage
from accounts.errors import Refusal
from config.configuration.registry import misspelt
from config.configuration.unreachable import why_unreachable

logger = logging.getLogger(__name__)


@contextmanager
def sentences_instead_of_tracebacks() -> Iterator[None]:
    """Run the block. Where the settings or the database cannot be used, say so and exit with status 1."""
    try:
        yield
    except ImproperlyConfigured as problem:
        said = [str(problem), *misspelt(os.environ)]
    except (OperationalError, InterfaceError) as problem:
        if not is_outage(problem):
            raise
        said = [why_unreachable(problem)]
    except Refusal as refusal:
        said = [refusal.detail, *(error.message for error in getattr(refusal, "errors", ()))]
    else:
        return
    sys.exit("\n".join(said))


def warn_of_misspelt() -> None:
    """Log the variables that look like settings and are none."""
    for sentence in misspelt(os.environ):
        logger.warning("%s", sentence)
