"""`make bench`: run every benchmark on PostgreSQL, print the figures, and write them and plots to `var/bench/`.

`make bench PART=broker` runs one part.
"""

import json
import os
import platform
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

PARTS = [
    "inventory", "secret_list", "history.runs", "history.overview", "records", "importing", "masking", "resolving",
    "ablation", "broker", "stream", "rules", "mcp", "monitoring",
]  # fmt: skip
DURABLE = {"resolving", "ablation", "broker", "stream", "rules", "mcp"}
FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"


def main(parts: list[str]) -> int:
    """Measure these parts, each on a server of its own and in a process that is set up for it; all if none is named."""
    from tests import postgres

    codes = []
    for part in parts or PARTS:
        with postgres.server(durable=part in DURABLE) as url:
            environment = {**os.environ, "DATABASE_URL": url}
            command = [sys.executable, "-m", "tests.benchmarks", "inside", part]
            codes.append(subprocess.run(command, env=environment, check=False).returncode)
    return max(codes)


def inside(part: str) -> int:
    """Measure one part on the database that the environment names."""
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

    from tests.benchmarks import plots
    from tests.support.browser_sessions import use_cookies_of_coffer

    use_cookies_of_coffer()
    rows = import_module(f"tests.benchmarks.{part}").measure()
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL\n\n")
    sys.stdout.write(_table(part, rows))
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / "bench.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(results | {part: rows}, indent=2) + "\n")
    plots.write(part, rows, FOLDER)
    return 0


def _table(name: str, rows: list[dict[str, object]]) -> str:
    head = list(rows[0])
    lines = [head, *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return f"{name}\n" + "\n".join(shown) + "\n\n"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every process of ours is stopped on the way out
    sys.exit(inside(sys.argv[2]) if sys.argv[1:2] == ["inside"] else main(sys.argv[1:]))
