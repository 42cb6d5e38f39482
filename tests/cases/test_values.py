"""Saved values that cannot go where they are sent: told by readiness before a run is refused, and told when staged."""

import pytest

from secrets_app.models import SecretValue
from secrets_app.naming.value_traits import Trait, traits_of
from secrets_app.plaintext import Plaintext
from tests.support.things import make_action, store_secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("inline"), pytest.mark.sqlite]

KEY = "{secrets.crm.apiKey}"


def saved(caller, kind, config):
    body = {"kind": kind, "name": f"My {kind}", "environments": ["staging"], "config": config}
    return caller.post("/integrations", body)


def action(caller, header=KEY, **config):
    headers = [{"name": "X-Key", "value": header}]
    config = {"method": "GET", "base_url": "http://127.0.0.1:9", "headers": headers, **config}
    return saved(caller, "api_action", config)


def behind(caller, kind, config):
    connector = saved(caller, "auth_connector", config)
    return action(caller, headers=[], auth_connector=connector["id"])


def sip(caller, **config):
    config = {"direction": "outbound", "host": "127.0.0.1", "port": 5060, "transport": "udp", **config}
    return saved(caller, "sip_trunk", config)


BASIC = {"type": "basic", "username": KEY, "password": "pass-word"}
BEARER = {"type": "bearer", "token": KEY}
IN_QUERY = {"type": "api_key", "in": "query", "name": "key", "value": KEY}
CASES = {
    "line break in a header": ("first\nsecond", action, {}, "Header X-Key: the Staging value of crm.apiKey has a line"),
    "line break at the end": ("value-of-crm\n", action, {}, "a line break"),
    "not ASCII in a header": ("schlüssel-wort", action, {}, "another character that a header may not hold"),
    "blank at the end of a header": ("value-of-crm ", action, {}, "a blank at an edge"),
    "blank inside a longer header": ("value-of-crm ", action, {"header": f"a {KEY} b"}, None),
    "Bearer twice": ("Bearer abcdefgh", action, {"header": f"Bearer {KEY}"}, "“Bearer ” at its beginning"),
    "bearer twice, otherwise written": ("bearer  abcdefgh", action, {"header": f"BEARER {KEY}"}, "at its beginning"),
    "Token twice": ("Token abcdefgh", action, {"header": f"Token {KEY}"}, "“Token ” at its beginning"),
    "another scheme in front": ("Basic abcdefgh", action, {"header": f"Bearer {KEY}"}, None),
    "the value brings its scheme": ("Bearer abcdefgh", action, {}, None),
    "a header without fault": ("value-of-crm", action, {}, None),
    "line break in a body": ("first\nsecond", action, {"headers": [], "method": "POST",
                             "body": {"type": "text", "content": KEY}}, None),
    "line break in a query": ("first\nsecond", action, {"headers": [], "query": [{"name": "a", "value": KEY}]}, None),
    "connector, Bearer twice": ("Bearer abcdefgh", behind, {"kind": "", "config": BEARER}, "Header Authorization: the"),
    "connector, line break": ("value-of-crm\r\n", behind, {"kind": "", "config": BEARER}, "Header Authorization"),
    "connector, in the query": ("first\nsecond", behind, {"kind": "", "config": IN_QUERY}, None),
    "basic, colon": ("user:password", behind, {"kind": "", "config": BASIC}, "User name: the Staging value"),
    "basic, line break": ("user-name\n", behind, {"kind": "", "config": BASIC}, "User name"),
    "basic, not ASCII": ("benützername", behind, {"kind": "", "config": BASIC}, None),
    "trunk, tab": ("pass\tword", sip, {"username": "alice", "password": KEY}, "Password: the Staging value"),
    "trunk, not ASCII": ("schlüssel-wort", sip, {"username": "alice", "password": KEY}, None),
}  # fmt: skip


@pytest.mark.parametrize(("value", "save", "parts", "words"), CASES.values(), ids=CASES)
def test_readiness_says_which_value_cannot_go_into_its_place(value, save, parts, words, owner, caller):
    store_secret(owner, value=value)
    integration = save(caller, **parts)
    items = {item["integration"]["id"]: item for item in caller.get("/readiness?environment=staging")["items"]}
    problems = items[integration["id"]]["problems"]
    assert value.strip() not in str(items)
    if words is None:
        assert problems == []
        return
    (problem,) = problems
    assert (problem["code"], problem["secret"]) == ("invalid_header_value", "crm.apiKey")
    assert words in problem["detail"]
    assert problem["detail"] in [warning["detail"] for warning in integration["warnings"]]
    if save is not sip:
        run = {"environment": "staging"}
        assert caller.problem("POST", f"/integrations/{integration['id']}/run", run) == (422, "invalid_header_value")


def test_a_new_value_mends_it_and_values_of_before_are_not_judged(owner, caller):
    secret = store_secret(owner, value="value-of-crm\n")
    make_action(owner)
    assert not caller.get("/readiness")["items"][0]["ready"]
    SecretValue.objects.update(traits=None)
    assert caller.get("/readiness")["items"][0]["ready"]
    caller.patch(f"/secrets/{secret.id}", {"value": "value-of-crm "})
    assert not caller.get("/readiness")["items"][0]["ready"]
    caller.patch(f"/secrets/{secret.id}", {"value": "value-of-crm"})
    assert caller.get("/readiness")["items"][0]["ready"]


def test_a_staged_value_is_told_of_and_judged_once_it_is_promoted(owner, caller):
    secret = store_secret(owner)
    make_action(owner)
    place = f"/secrets/{secret.id}/rotation/staging"
    answer = caller.call("PUT", place, {"value": "Bearer value-of-crm\n"}).json()
    assert [(warning["code"], warning["field"]) for warning in answer["warnings"]] == [
        ("line_break", "value"),
        ("scheme", "value"),
    ]
    assert "value-of-crm" not in str(answer)
    assert caller.call("PUT", place, {"value": "value-of-crm-2"}).json()["warnings"] == []
    assert caller.get("/readiness")["items"][0]["ready"]
    caller.call("PUT", place, {"value": "value-of-crm\n"})
    caller.post(f"{place}/promote", {"accept_failures": True})
    assert not caller.get("/readiness")["items"][0]["ready"]


def test_few_facts_are_kept_and_none_of_a_destroyed_value(owner, caller):
    assert traits_of(Plaintext("a-common-value")) == 0
    assert traits_of(Plaintext("ü:\t\n")) == Trait.NOT_ASCII | Trait.COLON | Trait.TAB | 1 | Trait.NOT_PRINTABLE
    secret = store_secret(owner, value="value-of-crm\n")
    caller.patch(f"/secrets/{secret.id}", {"value": "value-of-crm"})
    assert set(SecretValue.objects.filter(state="destroyed").values_list("traits", flat=True)) == {None}
