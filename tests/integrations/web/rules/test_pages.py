"""The tab *Rules*: cards that are added, changed, tried and saved."""

import pytest

from accounts.common.environments import Environment
from accounts.models import Organization
from integrations.editing.rules import set_rules
from integrations.models import Integration, Run
from integrations.rules.reading import read_rules
from tests.support.things import key_for, make_action, make_connection

pytestmark = pytest.mark.django_db

AMOUNT = {"type": "object", "properties": {"amount": {"type": "number"}, "to": {"type": "string"}}, "required": ["to"]}
OVER_50 = {"not": {"properties": {"amount": {"type": "number", "maximum": 50}}, "required": ["amount"]}}
CARD = {
    "rule-0-decision": "ask",
    "rule-0-operation": "call",
    "rule-0-environments": ["production"],
    "rule-0-argument": ["amount", ""],
    "rule-0-operator": ["more_than", "is"],
    "rule-0-value": ["50", ""],
    "rule-0-calls": "5",
    "rule-0-per": "hour",
    "rule-0-minutes": "10",
    "rule-0-for_a_while": "0",
    "rule-0-four_eyes": "on",
}
HOURS = {"rule-0-has_hours": "on", "rule-0-days": ["monday"], "rule-0-start": "08:00", "rule-0-end": "18:00"}
STORED = [
    {
        "operation": "call",
        "environments": ["production"],
        "decision": "ask",
        "limit": {"calls": 5, "per": "hour"},
        "arguments": OVER_50,
        "ask": {"minutes": 10, "four_eyes": True, "for_a_while": 0},
    }
]


@pytest.fixture
def action(owner):
    return make_action(owner, uses="", parameters=AMOUNT, path="/{params.to}")


@pytest.fixture
def address(action):
    return f"/o/harbor-clinics/integrations/{action.pk}/rules/"


def test_cards_are_saved_as_rules_and_shown_again_as_cards(as_owner, action, address):
    assert "No rules" in as_owner.get(address).content.decode()
    assert as_owner.post(address, CARD | {"version": "1"}).status_code == 303
    assert Integration.objects.get().rules == STORED
    shown = as_owner.get(address).content.decode()
    assert "Asks a person about call in Production where amount is more than 50 at most 5 times an hour." in shown
    (values,) = as_owner.get(address).context["cards"]
    again = as_owner.post(address, CARD | {"version": "2"})
    assert (again.status_code, Integration.objects.get().version) == (303, 2)
    assert values["rule"].conditions[0].value == "50"


def test_keys_times_and_people_are_chosen(as_owner, owner, address, member):
    key_for(owner)
    key = owner.organization.api_keys.get()
    times = {"rule-0-has_hours": "on", "rule-0-days": ["saturday", "sunday"], "rule-0-time_zone": "Europe/Berlin"}
    times |= {"rule-0-start": "00:00", "rule-0-end": "00:00", "rule-0-outside": "on"}
    chosen = {"rule-0-keys": [str(key.pk)], "rule-0-approvers": [str(member.id)], "version": "1"}
    assert as_owner.post(address, CARD | times | chosen).status_code == 303
    (rule,) = Integration.objects.get().rules
    assert (rule["keys"], rule["ask"]["approvers"]) == ([str(key.pk)], [str(member.id)])
    assert rule["hours"] == {"days": ["saturday", "sunday"], "time_zone": "Europe/Berlin", "outside": True}
    card = as_owner.get(address).context["cards"][0]["rule"]
    assert (card.has_hours, card.days, card.keys) == (True, ["saturday", "sunday"], [str(key.pk)])


@pytest.mark.parametrize(
    ("act", "cards", "conditions"),
    [
        ("add", 2, 2),
        ("remove:0", 0, None),
        ("add-condition:0", 1, 3),
        ("remove-condition:0:0", 1, 1),
        ("remove:7", 1, 2),
        ("nonsense", 1, 2),
    ],
)
def test_cards_and_conditions_come_and_go_and_nothing_typed_is_lost(as_owner, address, act, cards, conditions):
    shown = as_owner.post(address, CARD | {"version": "1", "do": act}).context["cards"]
    assert len(shown) == cards
    if cards:
        assert (shown[0]["rule"].minutes, len(shown[0]["rule"].conditions)) == ("10", conditions)
    assert Integration.objects.get().rules == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"rule-0-calls": "many"}, "rules[0].limit.calls"),
        ({"rule-0-minutes": "0"}, "rules[0].ask.minutes"),
        ({"rule-0-value": ["fifty", ""]}, "rules[0].arguments[0]"),
        ({"rule-0-argument": ["sum", ""]}, "rules[0].arguments"),
        ({"rule-0-schema": "{"}, "rules[0].arguments"),
        (HOURS | {"rule-0-time_zone": "Mars"}, "rules[0].hours.time_zone"),
    ],
)
def test_what_was_typed_stays_beside_its_error(as_owner, address, typed, field):
    refused = as_owner.post(address, CARD | typed | {"version": "1"})
    assert refused.status_code == 422
    assert field in {error.field for error in refused.context["errors"]}
    value = list(typed.values())[-1]
    assert (value[0] if isinstance(value, list) else value) in refused.content.decode()


def test_somebody_who_saved_meanwhile_is_not_overwritten(as_owner, owner, action, address):
    set_rules(actor=owner, integration_id=action.pk, rules=read_rules([{"decision": "deny"}]))
    refused = as_owner.post(address, CARD | {"version": "1"})
    assert (refused.status_code, Integration.objects.get().rules) == (412, [{"decision": "deny"}])
    assert 'value="10"' in refused.content.decode()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ('{"amount": 180, "to": "a"}', "A person is asked"),
        ('{"amount": 20, "to": "a"}', "The call is made"),
        ('{"amount": "20"}', "invalid_arguments"),
        ("{", "Write the arguments as a JSON object"),
    ],
)
def test_what_would_happen_with_the_rules_of_the_form(as_owner, address, action, params, said):
    Integration.objects.update(environments=7)
    sent = CARD | {"params": params, "try_operation": "call", "try_environment": "production"}
    answer = as_owner.post(address + "try/", sent)
    assert (answer.status_code, Run.objects.exists(), Integration.objects.get().rules) == (200, False, [])
    assert said in answer.content.decode()


def test_rules_that_a_connection_adds_are_shown_and_outdated_ones_named(as_owner, owner):
    connection = make_connection(owner)
    set_rules(actor=owner, integration_id=connection.pk, rules=read_rules([{"decision": "ask"}]))
    action = make_action(owner, uses="", base_url="", connection=str(connection.pk), parameters=AMOUNT)
    rule = {"operation": "call", "decision": "ask", "arguments": OVER_50}
    set_rules(actor=owner, integration_id=action.pk, rules=read_rules([rule]))
    config = Integration.objects.get(pk=action.pk).config | {"parameters": {"type": "object", "properties": {}}}
    Integration.objects.filter(pk=action.pk).update(config=config)
    shown = as_owner.get(f"/o/harbor-clinics/integrations/{action.pk}/rules/").content.decode()
    assert "Asks a person about every operation." in shown
    assert "no argument called <code>amount</code>" in shown


def test_destructive_operations_that_nobody_is_asked_about(as_owner, owner):
    path = "/o/harbor-clinics/integrations/unasked/"
    delete = make_action(owner, "Delete patient", uses="", method="DELETE", environments=[Environment.PRODUCTION])
    make_action(owner, "Find patient", uses="", environments=[Environment.PRODUCTION])
    make_action(owner, "Delete visit", uses="", method="DELETE")  # in Staging

    def listed():
        return [one.integration.name for one in as_owner.get(path).context["unasked"]]

    assert listed() == ["Delete patient"]
    for rule, is_listed in (
        ({"decision": "allow", "limit": {"calls": 1, "per": "day"}}, True),
        ({"decision": "ask", "environments": ["staging"]}, True),
        ({"decision": "ask", "keys": []}, False),
        ({"decision": "deny", "operation": "call"}, False),
    ):
        set_rules(actor=owner, integration_id=delete.pk, rules=read_rules([rule]))
        assert bool(listed()) is is_listed, rule
    set_rules(actor=owner, integration_id=delete.pk, rules=[])
    Organization.objects.update(asks_unless_read_only=True)
    assert listed() == []
    assert "unasked" in as_owner.get("/o/harbor-clinics/secrets/hygiene/").content.decode()
