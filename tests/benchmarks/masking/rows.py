"""The rows of the table, and random tokens."""

import random
import string

MIB = 2**20
Row = dict[str, object]


def row(what: str, of: str, figure: float | str, unit: str) -> Row:
    """Return a row of the table."""
    return {"what": what, "of": of, "figure": figure, "unit": unit}


def token(length: int = 40) -> str:
    """Return random letters and digits."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))
