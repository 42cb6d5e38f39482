"""Two people edit one secret at once: what the later one sees, and how neither loses anything.

The form carries what each field was when it was opened (`was_…`). After somebody else's save, a field that this person
did not touch shows what is stored now, and a field that they did touch keeps what they typed.
"""

from typing import Any

from django.http import QueryDict

from secrets_app.inventory.rows import Row

FIELDS = ("name", "description", "domains", "enabled")


def stored_fields(row: Row) -> dict[str, Any]:
    """The fields that two people may both have changed, as they are stored."""
    return {
        "name": row.name,
        "description": row.description,
        "domains": row.allowed_domains,
        "enabled": row.enabled,
    }


def merged(post: QueryDict, typed: dict[str, Any], row: Row) -> dict[str, Any]:
    """The fields of the form after a conflict. A form without `was_…` keeps all that was typed."""
    now = stored_fields(row)
    before = {
        "name": post.get("was_name", ""),
        "description": post.get("was_description", "").replace("\r\n", "\n"),
        "domains": post.get("was_domains", "").split(),
        "enabled": post.get("was_enabled") == "on",
    }
    untouched = [name for name in FIELDS if f"was_{name}" in post and _same(typed[name], before[name])]
    return typed | {name: now[name] for name in untouched} | {"version": row.version}


def in_dispute(values: dict[str, Any], row: Row) -> list[tuple[str, Any]]:
    """Fields in which the form now differs from what is stored, with the stored content in words."""
    now = stored_fields(row)
    shown = {
        "name": ("Name", row.name),
        "description": ("Description", row.description or "empty"),
        "domains": ("Allowed domains", ", ".join(row.allowed_domains) or "any domain"),
        "enabled": ("Enabled", "on" if row.enabled else "off"),
    }
    return [shown[name] for name in FIELDS if not _same(values[name], now[name])]


def _same(one: Any, other: Any) -> bool:
    return sorted(one) == sorted(other) if isinstance(one, list) else bool(one == other)
