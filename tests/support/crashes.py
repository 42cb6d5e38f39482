"""Processes of a test that kill themselves around a commit."""

import gc
import os
import signal
import warnings

from django.db import connection, connections

from accounts.common.database import close_connections
from accounts.errors import Refusal

REFUSED = 7


def child(act, *, kill="", at=1):
    """Run the act in a process of its own; how that ended: -9 killed, 0 done, REFUSED.

    Args:
        kill: `before` or `after` the commit of this number (`at`); empty to let it live.
    """

    def until_killed():
        _kill_at_commit(kill, at)
        act()

    return forked(until_killed)


def forked(act):
    """Run the act in a process of its own; how that ended: -9 killed, 0 done, REFUSED, 1 failed."""
    if connection.vendor == "sqlite":  # its connections must not be there in both processes
        close_connections()
        connections.close_all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        gc.disable()  # it would touch, and so copy, the memory of the whole suite
        connection.connection = None  # which its parent goes on to use
        try:
            act()
        except Refusal:
            os._exit(REFUSED)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _kill_at_commit(kill, at):
    backend, seen = type(connections["default"]), []
    commit = backend._commit

    def committing(self):
        seen.append(1)
        if kill == "before" and len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self)
        if kill == "after" and len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    backend._commit = committing  # of every thread
