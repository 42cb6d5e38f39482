"""What deserves attention: each finding finds what it names and nothing else, in a constant number of queries."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.common.environments import Environment
from accounts.errors import Invalid
from secrets_app.editing.secrets import set_enabled
from secrets_app.hygiene import findings
from secrets_app.hygiene.findings import BY_KEY, FINDINGS
from secrets_app.models import Secret, SecretValue
from secrets_app.naming import names
from secrets_app.sealing import keyring
from tests.support.things import make_action, saved_days_ago, store_secret

pytestmark = pytest.mark.django_db

D, S, P = Environment
GOOD = {"allowed_domains": ["api.example.com"]}


def found(actor, key, text=""):
    rows = findings.page(actor.organization, BY_KEY[key], text).items
    assert findings.count(actor.organization, BY_KEY[key], text) == len(rows)
    return {row.name: row.text for row in rows}


def used(*secrets, days=0):
    moment = timezone.now() - timedelta(days=days)
    Secret.objects.filter(pk__in=[secret.pk for secret in secrets]).update(last_used_at=moment)


def entered(secret, days, environment=None):
    rows = SecretValue.objects.filter(secret=secret)
    rows = rows.filter(environment=environment.value) if environment else rows
    rows.update(created_at=timezone.now() - timedelta(days=days))


@pytest.fixture
def good(owner, outsider):
    """A secret in good order; and a neighbour in whose organization everything is wrong."""
    secret = store_secret(owner, "crm.prod.apiKey", "a-good-value", rotate_every_days=90, **GOOD)
    make_action(owner, uses="crm.prod.apiKey")
    used(secret, days=1)
    foreign = store_secret(outsider, "token", rotate_every_days=1)
    entered(foreign, days=5)
    make_action(outsider, uses="nowhere")
    make_action(outsider, "B", uses="token")
    set_enabled(actor=outsider, secret_id=foreign.id, enabled=False)
    return secret


@pytest.mark.parametrize(
    ("config", "is_found"),
    [
        ({"path": "/v1/webhooks"}, True),
        (
            {
                "path": "/v1/api-keys/{params.id}",
                "parameters": {"properties": {"id": {"type": "string"}}, "required": ["id"]},
            },
            True,
        ),
        ({"path": "/settings"}, True),
        ({"path": "/settings", "returns": {"type": "status"}}, False),
        ({"path": "/settings", "returns": {"type": "fields", "expression": "id"}}, False),
        ({"path": "/settings", "method": "POST"}, False),
        ({"path": "/settings", "method": "POST", "check": {"method": "GET", "path": "/settings"}}, False),
        ({"path": "/patients", "check": {"method": "GET", "path": "/settings"}}, False),
        ({"path": "/patients"}, False),
    ],
)
def test_answer_that_may_repeat_stored_settings(owner, config, is_found):
    store_secret(owner)
    make_action(owner, **config)
    assert (found(owner, "returned-settings") != {}) is is_found


def test_secret_in_good_order_has_no_finding(owner, good):
    assert {key: found(owner, key) for key in BY_KEY} == {key: {} for key in BY_KEY}


def test_name_that_no_secret_has(owner, good):
    make_action(owner, "B", uses="billing.token")
    make_action(owner, "C", uses="billing.token")
    make_action(owner, "D", uses="crm.token")
    assert found(owner, "missing-names") == {
        "billing.token": "Referenced 2 times.",
        "crm.token": "Referenced 1 time.",
    }


def test_value_that_is_needed_and_not_there_or_not_readable(owner, good):
    store_secret(owner, "a.lacking", environments=[D], **GOOD)
    make_action(owner, "B", uses="a.lacking", environments=[D, S, P])
    broken = store_secret(owner, "b.broken", environments=[D], **GOOD)
    SecretValue.objects.filter(secret=broken).update(unreadable=True)
    off = store_secret(owner, "c.off", environments=[], **GOOD)
    make_action(owner, "C", uses="c.off")
    set_enabled(actor=owner, secret_id=off.id, enabled=False)
    store_secret(owner, "d.not_needed", environments=[], **GOOD)
    assert found(owner, "missing-values") == {
        "a.lacking": "No readable value in Staging and Production, where one is needed.",
        "b.broken": "A stored value cannot be opened. Enter a new one.",
    }


@pytest.mark.parametrize("held", [frozenset({"test"}), frozenset({"another"})])
def test_missing_in_sets_is_the_status_row_by_row(owner, good, held):
    for number, (has, needs) in enumerate([([], [S]), ([S], [S]), ([S], [S, P]), ([D], []), ([], []), ([D, S, P], [])]):
        store_secret(owner, f"key{number}", environments=has)
        make_action(owner, f"Action {number}", uses=f"key{number}", environments=needs)
    for number, enabled in ((7, False), (8, True)):
        broken = store_secret(owner, f"key{number}")
        SecretValue.objects.filter(secret=broken, environment="staging").update(unreadable=True)
        set_enabled(actor=owner, secret_id=broken.id, enabled=enabled)
    rows = Secret.objects.of(owner.organization).with_status(held).values_list("name", "status")
    expected = {name for name, status in rows if status == "missing"}
    assert expected
    assert set(Secret.objects.missing(owner.organization, held).values_list("name", flat=True)) == expected
    assert keyring.held_ids() == {"test"}


def test_production_value_without_domains(owner, good):
    store_secret(owner, "live.open", environments=[P])
    store_secret(owner, "test.open", environments=[D, S])
    gone = store_secret(owner, "live.gone", environments=[P])
    SecretValue.objects.filter(secret=gone).update(state="destroyed", sealed=None)
    assert set(found(owner, "no-domains")) == {"live.open"}


def test_disabled_but_referenced(owner, good):
    for name in ("off.used", "off.unused"):
        store_secret(owner, name, environments=[], **GOOD)
    make_action(owner, "B", uses="off.used")
    make_action(owner, "C", uses="off.used")
    for secret in Secret.objects.filter(name__startswith="off."):
        set_enabled(actor=owner, secret_id=secret.id, enabled=False)
    assert found(owner, "disabled-in-use") == {"off.used": "2 references to it."}


def test_rotation_is_overdue_from_the_oldest_current_value_on(owner, good):
    entered(good, days=89)
    late = store_secret(owner, "late.key", rotate_every_days=30, **GOOD)
    entered(late, days=31, environment=S)
    never = store_secret(owner, "no.interval", **GOOD)
    entered(never, days=1000)
    store_secret(owner, "no.value", environments=[], rotate_every_days=1)
    old = store_secret(owner, "old.but.replaced", rotate_every_days=30, **GOOD)
    entered(old, days=100)
    SecretValue.objects.filter(secret=old).update(state="destroyed", sealed=None)
    assert found(owner, "rotation-overdue") == {
        "late.key": "A new value is due every 30 days. The oldest was entered 31 days ago."
    }


def test_unused_and_never_used(owner, good):
    stale, fresh = store_secret(owner, "stale.key", **GOOD), store_secret(owner, "fresh.key", **GOOD)
    store_secret(owner, "never.key", **GOOD)
    used(stale, days=91)
    used(fresh, days=89)
    Secret.objects.filter(name="never.key").update(created_at=timezone.now() - timedelta(days=102))
    assert found(owner, "unused") == {"stale.key": "Last used 91 days ago."}
    assert found(owner, "never-used") == {"never.key": "Saved 102 days ago, never used."}
    Secret.objects.filter(name="never.key").update(created_at=timezone.now() - timedelta(days=6))
    assert found(owner, "never-used") == {}


def test_secrets_that_expire_within_a_month(owner, good):
    today = datetime.now(UTC).date()
    for name, days in {"month.key": 30, "later.key": 31, "day.key": 1, "today.key": 0, "gone.key": -2}.items():
        store_secret(owner, name, expires_on=today + timedelta(days=days), **GOOD)
    assert found(owner, "expiring") == {
        "month.key": "Expires in 30 days.",
        "day.key": "Expires in 1 day.",
        "today.key": "Expires today.",
        "gone.key": "Expired 2 days ago.",
    }


def test_generic_names_are_those_of_the_rule(owner, good):
    candidates = [
        "Token",
        "api_key2",
        "API.KEY",
        "api-key",
        "apikey",
        "SECRET9",
        "password",
        "key",
        "keys",
        "token.crm",
    ]
    candidates += ["myToken", "api__key", "key1a", "token_"]
    for name in candidates:
        store_secret(owner, name, environments=[])
    expected = {name for name in candidates if names.is_generic(name)}
    assert 0 < len(expected) < len(candidates)
    assert set(found(owner, "generic-name")) == expected


def test_search_narrows_names_and_descriptions(owner, good):
    store_secret(owner, "weather_key", description="Forecasts")
    store_secret(owner, "other_key")
    saved_days_ago(8)
    make_action(owner, "B", uses="weather.gone")
    assert set(found(owner, "never-used", "forecast")) == {"weather_key"}
    assert set(found(owner, "missing-names", "weather")) == {"weather.gone"}
    assert found(owner, "missing-names", "forecast") == {}


def test_pages_follow_each_other(owner):
    for number in range(7):
        store_secret(owner, f"key{number}", environments=[])
        make_action(owner, f"Action {number}", uses=f"gone{number}")
    saved_days_ago(8)
    for key, prefix in (("never-used", "key"), ("missing-names", "gone")):
        seen, cursor = [], ""
        while cursor is not None:
            page = findings.page(owner.organization, BY_KEY[key], cursor=cursor, limit=3)
            seen += [row.name for row in page.items]
            cursor = page.next_cursor
        assert seen == [f"{prefix}{number}" for number in range(7)]
    with pytest.raises(Invalid):
        findings.page(owner.organization, BY_KEY["never-used"], cursor="x")


def test_counts_stop(owner, monkeypatch):
    monkeypatch.setattr(findings, "COUNTED_AT_MOST", 2)
    for number in range(5):
        store_secret(owner, f"key{number}", environments=[])
        make_action(owner, f"Action {number}", uses=f"gone{number}")
    saved_days_ago(8)
    assert findings.count(owner.organization, BY_KEY["never-used"]) == 3
    assert findings.count(owner.organization, BY_KEY["missing-names"]) == 3


def test_each_finding_costs_the_same_queries_for_one_row_and_for_many(owner, good):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            for finding in FINDINGS:
                findings.count(owner.organization, finding)
                findings.page(owner.organization, finding)
        return len(captured)

    def add(number):
        secret = store_secret(owner, f"token{number}", environments=[P], rotate_every_days=1)
        entered(secret, days=9)
        make_action(owner, f"A{number}", uses=f"token{number}")
        make_action(owner, f"B{number}", uses=f"gone{number}")
        other = store_secret(owner, f"key{number}")
        make_action(owner, f"C{number}", uses=f"key{number}")
        set_enabled(actor=owner, secret_id=other.id, enabled=False)
        used(store_secret(owner, f"secret{number}"), days=99)

    add(1)
    few = queries()
    for number in range(2, 12):
        add(number)
    assert queries() == few <= 2 * len(FINDINGS) + 4
