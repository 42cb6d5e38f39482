"""Pages of an agent's tools, kept until the stamp of the organization's tools moves (`integrations.models.ToolStamp`).

The stamp is read before the rows, so a page is never kept under a stamp that is newer than it. What no row tells, such
as a key that was read again, takes effect after `KEPT_SECONDS`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from accounts.actors import Actor
from accounts.common.environments import Environment
from accounts.common.paging import LARGEST_LIMIT, Page
from integrations.models import ToolStamp
from integrations.tools.agent_tools import ToolOffer, page_of_tools

KEPT_PAGES = 128
KEPT_SECONDS = 60.0

_Key = tuple[UUID, frozenset[UUID] | None, Environment, str, int]


@dataclass(frozen=True, slots=True)
class _KeptPage:
    """A page, the stamp it was read after, and until when it holds, by `time.monotonic`."""

    stamp: int
    page: Page[ToolOffer]
    until: float


@dataclass(slots=True)
class ToolPages:
    """The pages that this process has read. Safe to use from several threads."""

    _kept: "OrderedDict[_Key, _KeptPage]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self, actor: Actor, environment: Environment, cursor: str = "", limit: int = LARGEST_LIMIT
    ) -> Page[ToolOffer]:
        """Return a page as `page_of_tools` does.

        Raises:
            Invalid: the cursor does not belong to this list.
        """
        listed = None if actor.integrations is None else frozenset(actor.integrations)
        key = actor.organization.pk, listed, environment, cursor, limit
        stamp = stamps_of([actor.organization.pk]).get(actor.organization.pk, 0)
        with self._lock:
            kept = self._kept.get(key)
        if kept and kept.stamp == stamp and time.monotonic() < kept.until:
            return kept.page
        page = page_of_tools(actor, environment, cursor, limit)
        with self._lock:
            self._kept[key] = _KeptPage(stamp, page, time.monotonic() + KEPT_SECONDS)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_PAGES:
                self._kept.popitem(last=False)
        return page


TOOL_PAGES = ToolPages()


def stamps_of(organization_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return the stamps of organizations' tools; one differs when what agents see of them may have changed."""
    return dict(ToolStamp.objects.filter(pk__in=list(organization_ids)).values_list("pk", "stamp"))
