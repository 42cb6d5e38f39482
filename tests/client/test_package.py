"""The package as people install it: with pip, by the GitHub Action, and the quick start of the README in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config.demo import upstream
from tests.support.source import ROOT
from tests.support.things import key_for

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

CLIENT = ROOT / "client"
ACTION = yaml.safe_load((CLIENT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
VALUE = "a-value-for-staging-1"
EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


class Runner:
    """What a runner of GitHub does with the steps of the action: variables, conditions and bash."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        defaults = {name: str(given.get("default", "")) for name, given in ACTION["inputs"].items()}
        self._folder, self._inputs = folder, defaults | {name.replace("_", "-"): text for name, text in inputs.items()}

    def run(self, name: str) -> subprocess.CompletedProcess[str] | None:
        """Run a step; None where its condition leaves it out."""
        step = STEPS[name]
        if not self._value(step.get("if", "true")):
            return None
        given = {
            key: EXPRESSION.sub(lambda found: self._value(found[1]), text) for key, text in step.get("env", {}).items()
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "RUNNER_TEMP": str(self._folder)}
        environment |= {"GITHUB_ACTION_PATH": str(CLIENT), "GITHUB_STEP_SUMMARY": str(self._folder / "summary.md")}
        command = ["bash", "--noprofile", "--norc", "-e", "-c", step["run"]]
        return subprocess.run(
            command, env=environment | given, cwd=self._folder, capture_output=True, check=False, text=True, timeout=180
        )

    def _value(self, expression: str) -> str:
        """The value of an expression, of which the action uses inputs, texts, `==`, `!=`, `&&` and `||`."""
        written = re.sub(r"inputs\.([\w-]+)", lambda found: repr(self._inputs[found[1]]), expression)
        return eval(written.replace("&&", " and ").replace("||", " or "), {"true": "true"})


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the environment that the action's first step makes; uv does it in a twentieth of pip's time."""
    folder = tmp_path_factory.mktemp("runner")
    uv, place = Path(sys.executable).with_name("uv"), folder / "coffer"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", place / "bin/python", CLIENT], check=True)
    return folder


@pytest.fixture
def echo(tmp_path):
    """A copy of the quick start's file that calls an upstream of this test; what the upstream received."""
    seen: list[dict] = []
    with upstream.serving(0, seen.append) as port:
        text = (CLIENT / "examples/quick-start.yaml").read_text()
        file = tmp_path / "coffer.yaml"
        file.write_text(text.replace("127.0.0.1:8901", f"127.0.0.1:{port}"))
        yield file, seen


def coffer(folder: Path, address: str, key: str, *words: str, entered: str = "") -> str:
    """Run the installed command; what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COFFER_URL": address, "COFFER_API_KEY": key}
    command = [folder / "coffer/bin/coffer", *words]
    ran = subprocess.run(
        command, env=environment, input=entered, capture_output=True, check=False, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_needs_no_django(installed):
    (packages,) = (installed / "coffer").glob("lib/*/site-packages")
    names = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"coffer_client", "typer", "httpx2"} <= names
    assert "django" not in names


def test_the_quick_start_by_the_command_alone(installed, live_server, owner, echo):
    file, seen = echo
    site, key = live_server.url, key_for(owner)
    coffer(installed, site, key, "apply", str(file), "--yes")
    coffer(installed, site, key, "secrets", "set", "quick.token", "-e", "staging", entered=f"{VALUE}\n")
    answer = coffer(installed, site, key, "run", "Echo", "-e", "staging")
    assert seen[0]["headers"]["Authorization"] == f"Bearer {VALUE}"
    assert ("Bearer [redacted]" in answer, VALUE in answer) == (True, False)


def test_the_action_plans_applies_and_asks_for_readiness(installed, live_server, owner, echo):
    file, _ = echo
    given = {"address": live_server.url, "api_key": key_for(owner), "file": str(file), "environment": "staging"}
    shown = Runner(installed, **given)
    assert shown.run("Plan").returncode == 0
    assert "+ secret quick.token" in (installed / "summary.md").read_text()
    assert (shown.run("Apply"), shown.run("Readiness")) == (None, None)
    applied = Runner(installed, apply="true", prune="true", **given)
    assert applied.run("Apply").returncode == 0
    unfit = applied.run("Readiness")
    assert (unfit.returncode, "secret_missing" in unfit.stdout) == (1, True)
    coffer(
        installed, live_server.url, given["api_key"], "secrets", "set", "quick.token", "-e", "staging", entered=VALUE
    )
    assert applied.run("Readiness").returncode == 0


def test_a_file_that_is_refused_fails_the_plan(installed, live_server, owner, tmp_path):
    file = tmp_path / "coffer.yaml"
    file.write_text("version: 1\nsecret: {}\n")
    refused = Runner(installed, address=live_server.url, api_key=key_for(owner), file=str(file)).run("Plan")
    assert (refused.returncode, "secret" in refused.stderr) == (2, True)
