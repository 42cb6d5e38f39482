"""Counters of limits: no span, wherever it begins, has more calls than the limit."""

import random
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from integrations.models import CallCounter
from integrations.rules.counters import Bound, take, used
from integrations.rules.shape import Per

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

START = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture
def bound(owner):
    def make(most, per=Per.MINUTE, name="a" * 64):
        return Bound(owner.organization.pk, name, most, per, None)

    return make


def seconds(number):
    return START + timedelta(seconds=number)


def test_calls_are_let_through_until_there_is_no_room_and_again_when_there_is(bound):
    three = [bound(3)]
    assert take([three, three], seconds(0)) == [None, None]
    assert take([three], seconds(30)) == [None]
    (reached,) = take([three], seconds(31))
    assert (reached.bound, reached.seconds) == (three[0], 31)
    assert used(three, seconds(31)) == {"a" * 64: 3}
    assert take([three], seconds(59)) != [None]
    assert [reached is None for reached in take([three] * 3, seconds(61))] == [True, True, False]


def test_a_call_counts_only_if_all_of_its_bounds_have_room(bound):
    minute, day = bound(5), bound(1, Per.DAY, "b" * 64)
    assert take([[minute, day]], seconds(0)) == [None]
    (reached,) = take([[minute, day]], seconds(1))
    assert reached.bound == day
    assert used([minute, day], seconds(1)) == {"a" * 64: 1, "b" * 64: 1}


@pytest.mark.parametrize("per", list(Per))
def test_no_span_has_more_calls_than_the_limit(bound, per):
    chance, most, span = random.Random(7), 5, per.span.total_seconds()
    moments = sorted(chance.uniform(0, 4 * span) for _ in range(80))
    made = [moment for moment in moments if take([[bound(most, per)]], seconds(moment)) == [None]]
    assert len(made) >= 3 * most
    assert all(later - earlier >= span for earlier, later in zip(made, made[most:], strict=False))


def test_a_clock_that_is_behind_does_not_open_a_span_again(bound):
    one = [bound(1)]
    assert take([one], seconds(5)) == [None]
    assert take([one], seconds(0)) != [None]


def test_counters_of_organizations_are_apart_and_unused_ones_are_forgotten(bound, owner, outsider):
    mine = bound(1)
    theirs = Bound(outsider.organization.pk, "c" * 64, 1, Per.MINUTE, None)
    assert take([[mine], [theirs]]) == [None, None]
    CallCounter.objects.filter(organization=owner.organization).update(used_at=START - timedelta(days=400))
    call_command("housekeeping", stdout=StringIO())
    assert CallCounter.objects.get().organization_id == outsider.organization.pk
