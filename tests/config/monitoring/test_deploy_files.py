"""The dashboard and the alert rules in `deploy/`: every metric and label exists, and every expression can be read."""

import json
import re
import subprocess

import pytest
import yaml

from accounts.errors import Unauthenticated
from config.http.errors import InternalError
from integrations.models import RunOutcome
from tests.support.source import ROOT

ALERTS, DASHBOARD = ROOT / "deploy/prometheus/alerts.yml", ROOT / "deploy/grafana/coffer.json"
OF_PROMETHEUS = {"up", "instance", "job", "le"}
STEPS = {"run", "admission", "upstream", "masking", "record", "room_for_large_answer"}
VALUES = {
    "code": {InternalError.code, Unauthenticated.code, ""},
    "outcome": {outcome.value for outcome in RunOutcome},
    "status": {"0xx", "2xx", "3xx", "4xx", "5xx"},
    "step": STEPS,
}
WORDS = {"by", "sum", "min", "max", "rate", "time", "histogram_quantile"}


def rules():
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def queries():
    """The dashboard's expressions as Grafana sends them."""
    targets = [target for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
    return [target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*") for target in targets]


@pytest.fixture
def known(counting, db):
    """The names of all series, and of all labels."""
    from config.monitoring import installation, measures

    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    metrics = [*measures.REGISTRY.collect(), *installation.Installation().collect()]
    labels = {"kind", "outcome", "code", "step", "status"}
    return {metric.name + suffix for metric in metrics for suffix in suffixes[metric.type]} | labels | OF_PROMETHEUS


def test_each_expression_names_what_exists(known):
    expressions = [*queries(), *(rule["expr"] for rule in rules())]
    used = set()
    for expression in expressions:
        assert all(expression.count(left) == expression.count(right) for left, right in ("()", "[]", "{}")), expression
        for label, value in re.findall(r'(\w+)!?="([^"]*)"', expression):
            assert value in VALUES.get(label, {value}), expression
        bare = re.sub(r'"[^"]*"|\[\w+\]', "", expression)
        names = set(re.findall(r"[a-zA-Z_]\w*", bare)) - WORDS
        assert names <= known, (expression, names - known)
        used |= names
    shown = {name for name in known if name.startswith("coffer_")}
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in shown - used} <= {
        re.sub("_(bucket|count|sum)$", "", name) for name in used
    }


def test_each_alert_says_how_bad_it_is_and_what_to_do():
    for rule in rules():
        page, _, anchor = rule["annotations"]["docs"].partition("#")
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["for"]
        assert rule["annotations"]["summary"].count(". ") >= 1  # what is the matter, and what to do
        headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, rule["alert"]
    text = (ROOT / "docs/monitoring.md").read_text()
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in text] == []


def test_steps_are_those_of_the_broker():
    broker = [path.read_text() for path in (ROOT / "integrations/broker").glob("*.py")]
    assert {name for text in broker for name in re.findall(r'observers\.step\("(\w+)"\)', text)} == STEPS


@pytest.mark.promtool
def test_promtool_reads_rules_and_queries(tmp_path):
    as_rules = [{"record": f"a:query{n}", "expr": query} for n, query in enumerate(queries())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": as_rules}]}))
    subprocess.run(["promtool", "check", "rules", ALERTS, file], check=True, capture_output=True)
