"""`make bench`: run every benchmark on PostgreSQL, print the figures, and write them to `var/bench/`."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"


def main() -> int:
    """Start a server and measure in a process that is set up for it."""
    from tests.run import database

    with database() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        return subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", "inside"], env=environment, check=False
        ).returncode


def inside() -> int:
    """Measure on the database that the environment names."""
    import tests.environment  # noqa: F401 - settings for tests

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.conf import settings

    django.setup()
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.benchmarks import inventory

    results = {"inventory": inventory.measure()}
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL\n\n")
    for name, rows in results.items():
        sys.stdout.write(_table(name, rows))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    return 0


def _table(name: str, rows: list[dict[str, object]]) -> str:
    head = list(rows[0])
    lines = [head, *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return f"{name}\n" + "\n".join(shown) + "\n\n"


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1:] == ["inside"] else main())
