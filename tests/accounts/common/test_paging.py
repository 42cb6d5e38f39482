"""Cursors of lists by time: what a page returned is taken, and what none can have returned is refused as such."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from accounts.common.paging import encode_cursor, moment_and_id
from accounts.errors import Invalid

ID = "7f4df0a5-26f6-4b1a-9b0e-57d2a2ab1c11"
LISTS = ["approvals", "runs", "audit-events"]


def test_a_cursor_holds_a_moment_and_an_id():
    cursor = encode_cursor(["2026-11-30T09:12:26.000001+02:00", ID])
    assert moment_and_id(cursor) == (datetime(2026, 11, 30, 7, 12, 26, 1, tzinfo=UTC), UUID(ID))


@pytest.mark.parametrize(
    "key",
    [
        ["2026-11-30T09:12:26+00:00", "x"],
        ["yesterday", ID],
        ["0001-01-01T00:00:00+14:00", ID],
        ["9999-12-31T23:59:59-14:00", ID],
        ["2026-11-30T09:12:26+00:00"],
        ["2026-11-30T09:12:26+00:00", ID, ID],
        [1, ID],
    ],
)
def test_what_no_page_returned_is_refused(key):
    with pytest.raises(Invalid, match="does not belong to this list"):
        moment_and_id(encode_cursor(key))


@pytest.mark.django_db
@pytest.mark.parametrize("path", LISTS)
def test_a_moment_beyond_the_calendar_is_refused_by_each_list(caller, path):
    cursor = encode_cursor(["0001-01-01T00:00:00+14:00", ID])
    assert caller.problem("GET", f"/{path}?cursor={cursor}") == (422, "invalid")
