"""Clients that others generate from the API's description compile strictly and do the main job as they are."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.api.application import api
from tests.peers.upstreams import answering, http
from tests.support import npm
from tests.support.things import key_for

pytestmark = [pytest.mark.node, pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]

HERE = Path(__file__).parent
PROGRAMS = "main_job_of_*"
SECONDS = 180


class Workshop:
    """A folder with the programs, the description and what is generated from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, folder / "made"
        self.made.mkdir()
        for pattern in (PROGRAMS, "tsconfig.json", "hey.config.mjs", "generator.yml"):
            for path in HERE.glob(pattern):
                shutil.copy(path, folder)
        npm.install()
        (folder / "node_modules").symlink_to(npm.MODULES)
        shutil.copy(npm.FOLDER / "package.json", folder)
        document = json.dumps(api.get_openapi_schema(), default=str)
        (self.made / "openapi.json").write_text(document)

    def node(self, package: str, *arguments: str) -> str:
        """Run a program of a package, or one of ours."""
        return self._run(npm.newer_node(), package, *arguments)

    def python(self, *arguments: str) -> str:
        """Run Python where the generated client can be imported."""
        return self._run(sys.executable, *arguments)

    def _run(self, *command: str) -> str:
        paths = {"PYTHONPATH": str(self.made), "MYPYPATH": str(self.made), "HOME": str(self.folder)}
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | paths,
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Workshop:
    """Clients of all three generators, compiled."""
    workshop = Workshop(tmp_path_factory.mktemp("clients"))
    workshop.node("node_modules/openapi-typescript/bin/cli.js", "made/openapi.json", "--output", "made/schema.ts")
    workshop.node("node_modules/@hey-api/openapi-ts/bin/run.js", "--file", "hey.config.mjs")
    workshop.node("node_modules/typescript/bin/tsc", "--project", ".")
    options = ["--path", "made/openapi.json", "--meta", "none", "--config", "generator.yml", "--fail-on-warning"]
    workshop.python("-m", "openapi_python_client", "generate", *options, "--output-path", "made/coffer_api")
    return workshop


def test_the_generated_python_is_strictly_typed(workshop):
    assert "no issues found" in workshop.python("-m", "mypy", "--strict", "main_job_of_python.py")


def test_each_does_the_main_job(workshop, live_server, owner):
    key = key_for(owner)
    with answering(lambda request, connection: connection.sendall(http(request))) as upstream:
        arguments = (live_server.url, key, upstream)
        answers = {
            "fetch": workshop.node("made/compiled/main_job_of_fetch.js", *arguments),
            "hey": workshop.node("made/compiled/main_job_of_hey.js", *arguments),
            "python": workshop.python("main_job_of_python.py", *arguments),
        }
    for name, printed in answers.items():
        answer = json.loads(printed)
        assert (answer["masked"], answer["code"]) == ([f"{name}.token"], "not_found")
        assert "Authorization: Bearer [redacted]" in answer["body"]
