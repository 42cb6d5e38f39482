"""The page of the settings, docs/settings.md, from the table of settings."""

from config.configuration.registry import SETTINGS, Setting

PAGE = """\
# Settings

Environment variables, or lines of `.env` beside `manage.py` (the environment wins). An empty variable counts as one
that is not set. Switches take `on` or `off`. A start names everything that is wrong with them at once; `manage.py
doctor` explains the rest ([doctor.md](doctor.md)).

This page is written from the code by `make settings`.

{table}

For `make run` and `manage.py serve` alone ([running.md](running.md)):

{table_of_make}
"""


def page() -> str:
    """Return the text of docs/settings.md."""
    return PAGE.format(
        table=_table([setting for setting in SETTINGS if not setting.by_make]),
        table_of_make=_table([setting for setting in SETTINGS if setting.by_make]),
    )


def _table(settings: list[Setting]) -> str:
    head = ["| variable | meaning | default |", "|---|---|---|"]
    return "\n".join([*head, *(f"| `{row.name}` | {row.meaning} | {default_of(row)} |" for row in settings)])


def default_of(setting: Setting) -> str:
    """Return how the page tells a default."""
    if setting.said:
        return setting.said
    if isinstance(setting.default, bool):
        return "on" if setting.default else "off"
    return f"`{setting.default}`" if setting.default not in {"", None} else "none"
