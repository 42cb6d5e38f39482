"""What a person sees of the tools of an MCP server: those that are kept, with their states and differences.

Nothing is called: the tools are as a listing showed them last.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from accounts.common.environments import Environment
from accounts.common.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from integrations.exchange.offered_tools import OfferedTool
from integrations.models import Integration, RemoteTool, ToolListing
from integrations.tool_models import ToolState
from integrations.tools.differences import DefinitionComparison, Difference
from integrations.tools.shown_tools import stored_tools

APPROVALS_AT_MOST = 5
ORDER = list(ToolState)


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool that is kept.

    Attributes:
        tool: as it was shown last, else as it was approved; None if it was approved before definitions were kept and
            has not been shown since.
        differences: what changed since it was approved; None if the approved definition was not kept.
    """

    row: RemoteTool
    tool: OfferedTool | None
    differences: list[Difference] | None

    @property
    def can_be_approved(self) -> bool:
        """Whether there is something to approve."""
        return self.row.state in {ToolState.NEW, ToolState.CHANGED}


@dataclass(frozen=True, slots=True)
class ToolApproval:
    """Tools that one person approved at one moment."""

    by: str
    at: datetime | None
    count: int


@dataclass(frozen=True, slots=True)
class ToolCounts:
    """How many tools of a server are in each state."""

    changed: int
    new: int
    approved: int
    gone: int

    @property
    def all(self) -> int:
        """How many there are."""
        return self.changed + self.new + self.approved + self.gone

    @property
    def waiting(self) -> int:
        """How many wait for a person."""
        return self.changed + self.new


@dataclass(frozen=True, slots=True)
class ToolOverview:
    """The tools of a server, one page of them with what is known of each."""

    page: Page[ToolView]
    counts: ToolCounts
    approvals: list[ToolApproval]
    listing: ToolListing | None

    @property
    def to_approve(self) -> list[ToolView]:
        """The tools of the page that wait for a person."""
        return [each for each in self.page.items if each.can_be_approved]


def overview(
    integration: Integration, *, text: str = "", state: str = "", cursor: str = "", limit: int = DEFAULT_LIMIT
) -> ToolOverview:
    """Return a page of the tools: those that changed first, then new, approved and gone ones, each by name.

    Args:
        text: a part of the names, ignoring case.
        state: the only state; empty for all.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    rows = kept_tools(integration.id)
    wanted = [row for row in rows if text.casefold() in row.name.casefold() and state in {"", row.state}]
    wanted.sort(key=_key)
    if cursor:
        after = tuple(decode_cursor(cursor, length=2))
        wanted = [row for row in wanted if _key(row) > after]
    shown, rest = wanted[:limit], wanted[limit:]
    page = Page(_views(shown), encode_cursor(list(_key(shown[-1]))) if rest else None)
    return ToolOverview(page, counts_of(rows), _approvals(rows), listing_of(integration.id))


def listing_of(integration_id: UUID) -> ToolListing | None:
    """Return when the tools of a server were listed; None if they never were."""
    return ToolListing.objects.filter(integration=integration_id).first()


def kept_tools(integration_id: UUID) -> list[RemoteTool]:
    """Return the tools of a server without definitions, and without those that went and were never approved."""
    rows = stored_tools(integration_id)
    return [row for row in rows if row.approved_fingerprint or not row.gone_at]


def counts_of(rows: Iterable[RemoteTool]) -> ToolCounts:
    """Count tools by state."""
    counts = Counter(row.state for row in rows)
    return ToolCounts(**{state.value: counts[state] for state in ToolState})


def environment_of(integration: Integration, listing: ToolListing | None) -> Environment | None:
    """Return the environment to list the tools in: that of the last list, else the last one in which it runs."""
    own = [environment for environment in Environment if environment in integration.environments]
    last = [environment for environment in own if listing and environment.value == listing.environment]
    return next(iter([*last, *reversed(own)]), None)


def _key(row: RemoteTool) -> tuple[str, str]:
    return str(ORDER.index(row.state)), row.name


def _views(rows: Sequence[RemoteTool]) -> list[ToolView]:
    whole, comparison = RemoteTool.objects.in_bulk([row.pk for row in rows]), DefinitionComparison()
    return [_view(whole[row.pk], comparison) for row in rows if row.pk in whole]


def _view(row: RemoteTool, comparison: DefinitionComparison) -> ToolView:
    definition = row.approved_definition if row.shown_definition is None else row.shown_definition
    tool = None if definition is None else OfferedTool(row.name, definition, row.shown_fingerprint)
    if row.state is not ToolState.CHANGED:
        return ToolView(row, tool, [])
    if row.approved_definition is None:
        return ToolView(row, tool, None)
    return ToolView(row, tool, comparison.differences(row.approved_definition, row.shown_definition or {}))


def _approvals(rows: Iterable[RemoteTool]) -> list[ToolApproval]:
    """Return the last approvals, newest first."""
    acts = sorted((row.approved_at, row.approved_by) for row in rows if row.approved_at)
    grouped = [ToolApproval(by, at, len(list(same))) for (at, by), same in groupby(acts)]
    return grouped[: -APPROVALS_AT_MOST - 1 : -1]
