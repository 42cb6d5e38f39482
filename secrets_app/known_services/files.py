"""The files of the catalogue: one folder for each category, in it one TOML file for each service."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """One file.

    Attributes:
        key: the name of the file, which identifies the service.
        category: the folder.
        content: what the file says, as docs/services.md describes it.
    """

    key: str
    category: str
    content: Mapping[str, Any] = field(hash=False)


@cache
def service_files() -> tuple[ServiceFile, ...]:
    """Return all files, by the name of the service."""
    files = [ServiceFile(path.stem, path.parent.name, _read(path)) for path in FOLDER.glob("*/*.toml")]
    return tuple(sorted(files, key=lambda file: str(file.content["name"]).lower()))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())
