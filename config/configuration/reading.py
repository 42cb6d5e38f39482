"""Reads the environment for the settings. Every problem is remembered, so that one start names all of them."""

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

from config.configuration.registry import BY_NAME, Default

ON, OFF = {"true", "on", "ok", "y", "yes", "1"}, {"false", "off", "n", "no", "0", ""}
DATABASE_ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}

Result = TypeVar("Result")


class Variables:
    """The variables of the environment, and of `.env` where the environment does not set them.

    What cannot be used is noted and replaced by a stand-in that lets the reading go on; `finish` refuses all of it.
    """

    def __init__(self, file: Path) -> None:
        if file.is_file():
            self._read(file)
        self._problems: list[str] = []

    def _read(self, file: Path) -> None:
        try:
            environ.Env.read_env(str(file))
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{file} is not UTF-8 text. Write it as lines of NAME=VALUE.") from None
        except OSError as problem:
            raise ImproperlyConfigured(
                f"{file} cannot be read ({problem.strerror}). Give it to the user that runs Coffer."
            ) from None

    def refuse(self, sentence: str) -> None:
        """Note a sentence that says what is wrong, and what to set."""
        if sentence not in self._problems:
            self._problems.append(sentence)

    def finish(self) -> None:
        """End the reading.

        Raises:
            ImproperlyConfigured: something was refused. The message has a line for each.
        """
        if self._problems:
            raise ImproperlyConfigured("\n".join(self._problems))

    def attempt(self, read: Callable[[], Result], otherwise: Result) -> Result:
        """Return what `read` returns; where it refuses, note its sentence and return the stand-in."""
        try:
            return read()
        except ImproperlyConfigured as problem:
            self.refuse(str(problem))
            return otherwise

    def text(self, name: str, default: Default | None = None) -> str:
        """Return a variable. Where it is missing or empty, the computed default or that of the table holds."""
        fallback = BY_NAME[name].default if default is None else default
        return os.environ.get(name) or ("" if fallback is None else f"{fallback}")

    def required(self, name: str, hint: str) -> str:
        """Return the text of a variable that has to be set; the hint says to what."""
        text = self.text(name)
        if not text:
            self.refuse(f"{name} is not set. {hint}")
        return text

    def retired(self, name: str, instead: str) -> None:
        """Refuse a variable that is no longer read."""
        if os.environ.get(name):
            self.refuse(f"{name} is no longer read. {instead}")

    def folder(self, path: Path) -> None:
        """Create a folder for Coffer's own files, for its user alone."""
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            self.refuse(f"{path} cannot be made ({problem.strerror}). Give its folder to the user that runs Coffer.")

    def switch(self, name: str) -> bool:
        """Return whether a switch is on."""
        text = self.text(name).strip().lower()
        if text not in ON | OFF:
            self.refuse(f"{name} is neither on nor off. Set it to on or off.")
        return text in ON

    def number(self, name: str, lowest: int, highest: int, unit: str = "number") -> int:
        """Return a number, such as one of `hours`, within its bounds."""
        text = self.text(name).strip()
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not is_number or not lowest <= int(text) <= highest:
            of_unit = "number" if unit == "number" else f"number of {unit}"
            self.refuse(f"{name} is out of range or no number. Set it to a {of_unit} from {lowest} to {highest}.")
            return lowest
        return int(text)

    def one_of(self, name: str, choices: set[str]) -> str:
        """Return a text that has to be one of a few."""
        text = self.text(name)
        if text not in choices:
            *others, last = sorted(choices)
            self.refuse(f"{name} is unknown. Set it to {', '.join(others)} or {last}.")
        return text

    def db_url(self, name: str, default: str) -> dict[str, Any]:
        """Return the parts of a database's URL."""
        how = (
            "Write postgres://user:password@host:5432/name or sqlite:////path/to/file; in a password, write %40 for "
            "@, %2F for / and %23 for #."
        )
        parts = self._parts(name, self.text(name, default), environ.Env.db_url_config, how)
        if parts and parts.get("ENGINE") not in DATABASE_ENGINES:
            self.refuse(f"{name} names a database that Coffer does not offer. {how}")
        elif parts and not parts["NAME"]:
            self.refuse(f"{name} names no database. {how}")
        return parts or {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}

    def cache_url(self, name: str) -> dict[str, Any]:
        """Return the parts of a cache's URL."""
        how = "Leave it out to use a table of the database, or name a Redis server as redis://host:6379/0."
        parts = self._parts(name, self.text(name), environ.Env.cache_url_config, how)
        if parts and "redis" in parts["BACKEND"].lower() and find_spec("redis") is None:
            self.refuse(
                f"{name} names a Redis server, but the package redis is not installed. Install it "
                "(.venv/bin/uv pip install redis), or leave the setting out."
            )
        return parts or {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}

    def email_url(self, name: str) -> dict[str, Any]:
        """Return the settings that a mail server's URL stands for."""
        how = "Write smtp+tls://user:password@host:587, with %40 for @ in the user's name or the password."
        parts = self._parts(name, self.text(name), environ.Env.email_url_config, how)
        if parts and "smtp" in parts["EMAIL_BACKEND"] and not parts["EMAIL_HOST"]:
            self.refuse(f"{name} names no mail server. {how}")
        return parts or {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}

    def _parts(self, name: str, url: str, parse: Callable[[str], Any], how: str) -> dict[str, Any]:
        """Return the parts of a URL; empty if it cannot be read. What the parser says may hold a password."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parts: dict[str, Any] = parse(url) or {}
        except (ImproperlyConfigured, ValueError, TypeError, KeyError, AttributeError):
            parts = {}
        if not parts:
            self.refuse(f"{name} cannot be read. {how}")
        return parts
