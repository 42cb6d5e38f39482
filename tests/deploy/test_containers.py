"""The Containerfile, the compose file and the manifests of Kubernetes: linted, locked down, and of one mind."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
CONTAINERFILE = (ROOT / "deploy/container/Containerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text())
MANIFESTS = [
    manifest
    for file in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(file.read_text())
]
OF_COFFER = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "coffer"}
APPLICATIONS = {"accounts", "config", "integrations", "secrets_app", "static", "templates"}


def pod_templates():
    """The pods of all manifests, by the name of what makes them."""
    for manifest in MANIFESTS:
        spec = manifest.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield manifest["metadata"]["name"], template["spec"]


def test_the_linter_finds_nothing_in_the_containerfile():
    linter = shutil.which("hadolint", path=Path(sys.executable).parent)
    done = subprocess.run([linter, "-"], input=CONTAINERFILE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_everything_that_runs_and_nothing_else():
    copied = {source for source, _ in re.findall(r"^COPY (?!--)(\S+) (\S+)$", CONTAINERFILE, re.MULTILINE)}
    assert copied == APPLICATIONS | {"requirements.txt", "manage.py", "pyproject.toml"}
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_does_not_run_as_root_and_is_checked():
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "/healthz" in re.search(r"^HEALTHCHECK.*\n.*$", last, re.MULTILINE)[0]


def test_the_server_is_started_alike_everywhere():
    unit = (ROOT / "deploy/systemd/coffer-web.service").read_text()
    in_unit = shlex.split(re.search(r"^ExecStart=(.*\\\n.*)$", unit, re.MULTILINE)[1].replace("\\\n", ""))[1:]
    in_image = yaml.safe_load(re.search(r"^CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)[1])[1:]
    assert [{"0.0.0.0": "127.0.0.1"}.get(word, word) for word in in_image] == in_unit


@pytest.mark.parametrize("service", OF_COFFER.values(), ids=OF_COFFER)
def test_the_containers_of_compose_may_do_little(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["core"] == 0
    assert "ports" not in service


def test_compose_publishes_the_proxy_alone_and_hides_the_database():
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert services["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_kubernetes_accepts_each_manifest(manifest):
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("pod", dict(pod_templates()).values(), ids=dict(pod_templates()))
def test_the_pods_may_do_little(pod):
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"memory"}
        assert container["envFrom"] == [{"secretRef": {"name": "coffer"}}]
        assert "env" not in container


def test_what_has_to_be_repeated_is_repeated_everywhere():
    """Housekeeping once a day, refused mail every five minutes."""
    timers = {
        name: re.search(r"^OnCalendar=(.*)$", (ROOT / f"deploy/systemd/coffer-{name}.timer").read_text(), re.MULTILINE)[
            1
        ]
        for name in ("housekeeping", "mail")
    }
    assert timers == {"housekeeping": "*-*-* 03:30", "mail": "*:0/5"}
    jobs = {
        manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][-1]: manifest["spec"]
        for manifest in MANIFESTS
        if manifest["kind"] == "CronJob"
    }
    assert {command: job["schedule"] for command, job in jobs.items()} == {
        "housekeeping": "30 3 * * *",
        "send_mail": "*/5 * * * *",
    }
    assert {job["concurrencyPolicy"] for job in jobs.values()} == {"Forbid"}
    loops = {name: COMPOSE["services"][name]["command"][-1] for name in ("housekeeping", "mail")}
    assert loops == {
        "housekeeping": "while python manage.py housekeeping || true; do sleep 86400; done",
        "mail": "while python manage.py send_mail || true; do sleep 300; done",
    }
