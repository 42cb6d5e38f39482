"""An import of 2,000 values by the service, as a page and the API call it."""

import time

from accounts.common.environments import Environment
from secrets_app.importing.apply import apply_import
from secrets_app.plaintext import Plaintext
from tests.benchmarks.seeds import owner_of

LINES = 2_000


def measure() -> list[dict[str, object]]:
    """An import of 2,000 new values, and the same lines again, which replace them: milliseconds, and for each line."""
    owner = owner_of(10, references_each=1, label="Import")
    rows = []
    for label in ("created", "replaced"):
        text = "\n".join(f"IMPORTED_{number}=value-{label}-{number:08}" for number in range(LINES))
        started = time.perf_counter()
        apply_import(actor=owner, environment=Environment.STAGING, text=Plaintext(text))
        elapsed = (time.perf_counter() - started) * 1000
        rows.append({"lines": LINES, "what": label, "ms": round(elapsed), "ms_a_line": round(elapsed / LINES, 3)})
    return rows
