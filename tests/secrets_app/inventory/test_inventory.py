"""The inventory: missing names first, then secrets by name, in stable pages of constant cost."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.common.paging import encode_cursor
from accounts.errors import Invalid, NotFound
from secrets_app.editing.secrets import set_enabled
from secrets_app.inventory import inventory
from secrets_app.inventory.inventory import InventoryFilters
from secrets_app.models import Secret
from secrets_app.querysets import Order
from tests.support.databases.undone import failures
from tests.support.things import make_action, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment


def names(owner, limit=50, **filters):
    return [row.name for row in inventory.page(owner.organization, InventoryFilters(**filters), limit=limit).items]


@pytest.fixture
def full(owner):
    """Three secrets, two missing names."""
    for name, environments in (("b.used", [S]), ("a.unused", [D, S]), ("c.off", [P])):
        store_secret(owner, name, environments=environments, description=f"for {name[0].upper()}illing")
    set_enabled(actor=owner, secret_id=Secret.objects.get(name="c.off").id, enabled=False)
    make_action(owner, "One", uses="b.used", environments=[S, P])
    make_action(owner, "Two", uses="z.missing", environments=[S])
    make_action(owner, "Three", uses="y.missing", environments=[P])
    make_action(owner, "Four", uses="z.missing", environments=[D])
    return owner


def test_missing_names_come_first_then_secrets_by_name(full):
    assert names(full) == ["y.missing", "z.missing", "a.unused", "b.used", "c.off"]


def test_missing_name_has_no_id_and_counts_its_uses(full):
    row = inventory.page(full.organization, InventoryFilters(name="z.missing")).items[0]
    assert (row.id, row.exists, row.status, row.usage_count) == (None, False, "missing", 2)
    assert row.reference == "{secrets.z.missing}"
    assert set(row.states.values()) == {"missing"}


def test_pages_join_without_gap_or_repeat(full):
    for limit in (1, 2, 3, 4, 5, 6):
        seen, cursor = [], ""
        for _ in range(6):
            page = inventory.page(full.organization, InventoryFilters(), cursor=cursor, limit=limit)
            seen += [row.name for row in page.items]
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert seen == names(full), limit
        assert len(page.items) <= limit


def test_cursor_survives_the_row_it_names(full):
    page = inventory.page(full.organization, InventoryFilters(), limit=3)
    Secret.objects.filter(name="a.unused").delete()
    rest = inventory.page(full.organization, InventoryFilters(), cursor=page.next_cursor)
    assert [row.name for row in rest.items] == ["b.used", "c.off"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        encode_cursor(["s", "a"]),
        "!!",
        encode_cursor([]),
        encode_cursor(["s"]),
        encode_cursor(["s", "", 1]),
        encode_cursor(["s", "", "a\0"]),
        "\ud800",
    ],
)
def test_foreign_cursor_is_refused(owner, cursor):
    with pytest.raises(Invalid) as refusal:
        inventory.page(owner.organization, InventoryFilters(), cursor=cursor)
    assert [error.field for error in refusal.value.errors] == ["cursor"]


FILTERS = [
    ({"status": "active"}, ["a.unused"]),
    ({"status": "disabled"}, ["c.off"]),
    ({"status": "missing"}, ["y.missing", "z.missing", "b.used"]),
    ({"status": "missing", "environment": P}, ["y.missing", "b.used"]),
    ({"status": "missing", "environment": D}, ["z.missing"]),
    ({"status": "active", "environment": D}, ["a.unused"]),
    ({"status": "active", "environment": P}, []),
    ({"text": "MISSING"}, ["y.missing", "z.missing"]),
    ({"text": "for Billing"}, ["b.used"]),
    ({"text": "%"}, []),
    ({"text": "_"}, []),
    ({"name": "b.used"}, ["b.used"]),
    ({"name": "B.used"}, []),
    ({"unused_days": 0}, ["a.unused", "b.used", "c.off"]),
]


def test_filters(full):
    found = [(filters, names(full, **filters)) for filters, _ in FILTERS]
    assert found == FILTERS


def test_unused_for_days_means_never_or_not_since(full):
    now = timezone.now()
    Secret.objects.filter(name="a.unused").update(last_used_at=now - timedelta(days=31))
    Secret.objects.filter(name="b.used").update(last_used_at=now - timedelta(days=29))
    assert names(full, unused_days=30) == ["a.unused", "c.off"]


def test_other_organization_sees_nothing_of_it(full, outsider):
    assert names(outsider) == []
    with pytest.raises(NotFound):
        inventory.one(outsider.organization, Secret.objects.first().id)


def queries_of(owner):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        rows = inventory.page(owner.organization, InventoryFilters()).items
    return len(rows), len(captured)


def test_page_costs_the_same_whatever_its_length(owner):
    store_secret(owner, "s0")
    make_action(owner, "A0", uses="s0")
    one = queries_of(owner)
    for number in range(1, 3):
        store_secret(owner, f"s{number}")
        make_action(owner, f"A{number}", uses=f"s{number}", environments=list(Environment))
    three = queries_of(owner)
    assert (one[0], three[0]) == (1, 3)
    assert one[1] == three[1] <= 4  # names that wait, ids, secrets, values


def test_sealed_bytes_are_not_even_loaded(owner):
    store_secret(owner)
    with CaptureQueriesContext(connection) as captured:
        inventory.page(owner.organization, InventoryFilters())
    assert '"sealed"' not in str(captured.captured_queries)


def test_usage_is_counted_by_reference(owner):
    secret = store_secret(owner)
    make_action(owner, "A", query=[{"name": "key", "value": "{secrets.crm.apiKey}"}])
    make_action(owner, "B")
    assert inventory.one(owner.organization, secret.id).usage_count == 3


@pytest.fixture
def sortable(owner):
    """Ties in everything but the name: used twice, once or never, last used at two moments or never."""
    now = timezone.now()
    for number, (uses, days) in enumerate([(2, 1), (1, 1), (0, None), (1, 3), (0, None), (2, 3)]):
        name = f"k{number}"
        store_secret(owner, name)
        used = now - timedelta(days=days) if days else None
        Secret.objects.filter(name=name).update(last_used_at=used)
        for use in range(uses):
            make_action(owner, f"{name} {use}", uses=name)
    make_action(owner, "One", uses="a.missing")
    make_action(owner, "Two", uses="b.missing")
    return owner


SORTED = {
    Order.NAME: ["a.missing", "b.missing", "k0", "k1", "k2", "k3", "k4", "k5"],
    Order.NAME_DOWN: ["b.missing", "a.missing", "k5", "k4", "k3", "k2", "k1", "k0"],
    Order.USAGE: ["a.missing", "b.missing", "k2", "k4", "k1", "k3", "k0", "k5"],
    Order.USAGE_DOWN: ["a.missing", "b.missing", "k5", "k0", "k3", "k1", "k4", "k2"],
    Order.USED: ["a.missing", "b.missing", "k2", "k4", "k3", "k5", "k0", "k1"],
    Order.USED_DOWN: ["a.missing", "b.missing", "k1", "k0", "k5", "k3", "k4", "k2"],
}


def test_each_order_joins_its_pages_without_gap_or_repeat(sortable):
    for order, limit in product(Order, [1, 3, 50]):
        filters, seen, cursor = InventoryFilters(order=order), [], ""
        while cursor is not None and len(seen) < 20:
            page = inventory.page(sortable.organization, filters, cursor=cursor, limit=limit)
            assert 0 < len(page.items) <= limit
            seen += [row.name for row in page.items]
            cursor = page.next_cursor
        assert seen == SORTED[order], (order, limit)


def test_cursor_of_an_order_survives_the_row_it_names(sortable):
    def survives(order):
        page = inventory.page(sortable.organization, InventoryFilters(order=order), limit=5)
        gone = page.items[-1].name
        Secret.objects.get(name=gone).references.all().delete()
        Secret.objects.filter(name=gone).delete()
        rest = inventory.page(sortable.organization, InventoryFilters(order=order), cursor=page.next_cursor)
        assert [row.name for row in rest.items] == SORTED[order][5:]

    assert failures(Order, survives) == {}


KEYS_OF_OTHERS = [
    (Order.USAGE, ""),
    (Order.USAGE, "many"),
    (Order.USED, "yesterday"),
    (Order.USED_DOWN, "12"),
    (Order.USAGE, "9" * 30),
]


def test_key_of_another_order_is_refused_or_leads_nowhere(sortable):
    for order, key in KEYS_OF_OTHERS:
        cursor = encode_cursor(["s", key, "k0"])
        try:
            rows = inventory.page(sortable.organization, InventoryFilters(order=order), cursor=cursor).items
        except Invalid as refusal:
            assert [error.field for error in refusal.errors] == ["cursor"], (order, key)
        else:
            assert rows == [], (order, key)


def test_order_holds_with_filters(sortable):
    set_enabled(actor=sortable, secret_id=Secret.objects.get(name="k5").id, enabled=False)
    assert names(sortable, status="disabled", order=Order.USAGE_DOWN) == ["k5"]
    assert names(sortable, text="k", status="active", order=Order.USED) == ["k2", "k4", "k3", "k0", "k1"]


def test_counts_tell_each_status(full):
    assert inventory.counts(full.organization) == {"all": 5, "active": 1, "disabled": 1, "missing": 3}


def test_counts_of_another_organization_are_its_own(full, outsider):
    assert inventory.counts(outsider.organization) == {"all": 0, "active": 0, "disabled": 0, "missing": 0}


def test_large_organizations_are_counted_after_the_page(full, monkeypatch):
    assert inventory.is_counted_at_once(full.organization)
    monkeypatch.setattr(inventory, "COUNTED_AT_ONCE", 2)
    assert not inventory.is_counted_at_once(full.organization)
    monkeypatch.undo()
    monkeypatch.setattr(inventory, "REFERENCES_AT_ONCE", 3)
    assert not inventory.is_counted_at_once(full.organization)
