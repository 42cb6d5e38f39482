"""Merging of edit conflicts: two people edit a secret at the same time, and neither loses their work.

The form carries the original content of each field (`was_…`). After somebody else has saved, fields that the person did
not touch show the stored content, and fields that they changed keep what they typed.
"""

from typing import Any

from django.http import QueryDict

from secrets_app.inventory.rows import InventoryRow

FIELDS = ("name", "description", "domains", "enabled")


def stored_fields(row: InventoryRow) -> dict[str, Any]:
    """Return the stored content of the fields that are merged."""
    return {
        "name": row.name,
        "description": row.description,
        "domains": row.allowed_domains,
        "enabled": row.enabled,
    }


def merge(post: QueryDict, typed: dict[str, Any], row: InventoryRow) -> dict[str, Any]:
    """Return the fields of the form after a conflict. A form without `was_…` fields keeps everything that was typed."""
    now = stored_fields(row)
    before = {
        "name": post.get("was_name", ""),
        "description": post.get("was_description", "").replace("\r\n", "\n"),
        "domains": post.get("was_domains", "").split(),
        "enabled": post.get("was_enabled") == "on",
    }
    untouched = [name for name in FIELDS if f"was_{name}" in post and _same(typed[name], before[name])]
    return typed | {name: now[name] for name in untouched} | {"version": row.version}


def conflicting_fields(values: dict[str, Any], row: InventoryRow) -> list[tuple[str, Any]]:
    """Return the label and stored content of each field in which the merged form differs from the stored secret."""
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
