"""Where the command line finds the address and the API key: in the environment, or where `coffer login` put them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from coffer.errors import CofferError

ADDRESS, API_KEY = "COFFER_URL", "COFFER_API_KEY"


@dataclass(frozen=True, slots=True)
class Profile:
    """The address of a Coffer and an API key."""

    address: str
    api_key: str

    def __repr__(self) -> str:
        return f"Profile(address={self.address!r})"


def file() -> Path:
    """Return the file of the profiles."""
    return Path(typer.get_app_dir("coffer")) / "profiles.json"


def profile(name: str) -> Profile:
    """Return the profile: of the environment if both variables are set there, otherwise the stored one.

    Raises:
        CofferError: there is none.
    """
    address, api_key = os.environ.get(ADDRESS), os.environ.get(API_KEY)
    if address and api_key:
        return Profile(address, api_key)
    stored = _read().get(name)
    if stored is None:
        raise CofferError(f"There is no profile {name}. Run coffer login, or set {ADDRESS} and {API_KEY}.")
    return Profile(address or stored.address, api_key or stored.api_key)


def store(name: str, new: Profile) -> None:
    """Store a profile in a file that its owner alone can read."""
    _write(_read() | {name: new})


def forget(name: str) -> bool:
    """Remove a stored profile and return whether there was one."""
    profiles = _read()
    found = profiles.pop(name, None) is not None
    if found:
        _write(profiles)
    return found


def _read() -> dict[str, Profile]:
    try:
        stored = json.loads(file().read_text())
        return {name: Profile(**entry) for name, entry in stored.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise CofferError(f"{file()} cannot be read. Remove it, and run coffer login.") from None


def _write(profiles: dict[str, Profile]) -> None:
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        json.dump({name: asdict(entry) for name, entry in profiles.items()}, opened, indent=2)
    unfinished.replace(path)
