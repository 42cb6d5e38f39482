"""The units of systemd in `deploy/systemd/`, as systemd itself reads and rates them."""

import re
import shutil
import subprocess

import pytest
from django.conf import settings

UNITS = settings.BASE_DIR / "deploy/systemd"
SERVICES = ("coffer-web.service", "coffer-housekeeping.service", "coffer-mail.service")
ANALYZE = shutil.which("systemd-analyze")

pytestmark = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed.")


@pytest.fixture
def root(tmp_path):
    """A root directory with the units, and a program in the place of each that they start."""
    shutil.copytree(UNITS, tmp_path / "etc/systemd/system")
    lines = "".join(unit.read_text() for unit in UNITS.glob("*.service"))
    for path in re.findall(r"^Exec(?:Start|Reload)=/(\S+)", lines, re.MULTILINE):
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def analyzed(root, *arguments):
    return subprocess.run([ANALYZE, f"--root={root}", *arguments], capture_output=True, text=True, check=False)


def test_systemd_understands_every_line(root):
    said = analyzed(root, "verify", *SERVICES, "coffer-housekeeping.timer", "coffer-mail.timer").stderr
    # The root has no units of the system itself.
    assert [line for line in said.splitlines() if "Unit sysinit.target not found" not in line] == []
    (root / "etc/systemd/system/coffer-web.service").write_text("[Service]\nExecStrat=/bin/true\n")
    assert "ExecStrat" in analyzed(root, "verify", "coffer-web.service").stderr


@pytest.mark.parametrize("service", SERVICES)
def test_systemd_rates_the_services_as_hardened(root, service):
    rating = analyzed(root, "--offline=true", "security", service).stdout
    exposure = float(re.search(rf"Overall exposure level for {service}: ([\d.]+)", rating)[1])
    assert exposure <= 1.5  # of 10; a service without any of this is rated 9.6
