"""Time zones by their names in the IANA database, which Cal.com requires in their exact spelling."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

_OFFSET = re.compile(r"(?:utc|gmt|z)?\s*([+\u2212-])\s*([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_EAST, _WEST = 14, 12
"""The most hours of the zones `Etc/GMT-14` to `Etc/GMT+12`."""
_NO_ZONES = frozenset({"Factory", "localtime"})
_CLOSE = 0.75


def zone_named(text: str) -> str | None:
    """Return the zone with this name in whatever case; None if there is none."""
    return _names().get(text.lower())


def problem_with_zone(text: str) -> str | None:
    """Return why a text is not a time zone, with a proposal; None if it is one."""
    if zone_named(text):
        return None
    return f"This is not a time zone of the IANA list. {_proposal(text.strip())}"


def _proposal(text: str) -> str:
    offset = _OFFSET.fullmatch(text)
    if offset:
        return _for_offset("\u2212" if offset[1] != "+" else "+", int(offset[2]), int(offset[3] or 0))
    wanted = re.sub(r"\s+", "_", text.lower())
    places = [name for key, name in sorted(_names().items()) if key.rpartition("/")[2] == wanted]
    close = places or [_names()[key] for key in get_close_matches(wanted, _names(), 1, _CLOSE)]
    return f"Did you mean {close[0]}?" if close else "Use a name such as Europe/Berlin."


def _for_offset(sign: str, hours: int, minutes: int) -> str:
    named = "Use a zone with a name, such as Europe/Berlin"
    if minutes or hours > (_EAST if sign == "+" else _WEST):
        return f"{named}."
    if not hours:
        return f"{named}, or UTC."
    fixed = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    return f"{named}, or {fixed}, which is always UTC{sign}{hours} (its sign is reversed)."


@cache
def _names() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones() - _NO_ZONES}
