"""Writes docs/settings.md from the table of settings: `make settings`."""

from pathlib import Path

from config.configuration.documents import page

if __name__ == "__main__":
    (Path(__file__).resolve().parents[2] / "docs" / "settings.md").write_text(page(), encoding="utf-8")
