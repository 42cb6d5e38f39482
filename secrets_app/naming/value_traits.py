"""What is kept of a value in the open: whether a header or a login could not carry it, and nothing that it holds.

A value is never opened to look at it. So these few facts are noted when it is stored, and readiness compares them with
the places where integrations send the value (`integrations/readiness/slots.py`).
"""

import re
from enum import IntFlag

from secrets_app.plaintext import Plaintext

HEADER_TEXT = re.compile(r"[\t\x20-\x7e]*")
"""What a header may hold."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SCHEME = re.compile(r"(bearer|basic|token)\s+", re.IGNORECASE)
"""The schemes that people paste with a credential."""

_LINE_BREAK = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Trait(IntFlag):
    """A fact about a value. The numbers are stored."""

    LINE_BREAK = 1
    """It holds a line break or another control character, other than a tab."""
    TAB = 2
    NOT_ASCII = 4
    NOT_PRINTABLE = 8
    BLANK_FIRST = 16
    BLANK_LAST = 32
    COLON = 64
    BEARER = 128
    BASIC = 256
    TOKEN = 512


SCHEMES = {"bearer": Trait.BEARER, "basic": Trait.BASIC, "token": Trait.TOKEN}


def traits_of(value: Plaintext) -> Trait:
    """Return the facts about a value that are kept."""
    text = value.expose()
    facts = {
        Trait.LINE_BREAK: bool(_LINE_BREAK.search(text)),
        Trait.TAB: "\t" in text,
        Trait.NOT_ASCII: bool(_NOT_ASCII.search(text)),
        Trait.NOT_PRINTABLE: not text.isprintable(),
        Trait.BLANK_FIRST: text[:1] in {" ", "\t"},
        Trait.BLANK_LAST: text[-1:] in {" ", "\t"},
        Trait.COLON: ":" in text,
    }
    found = SCHEME.match(text)
    traits = SCHEMES[found[1].lower()] if found else Trait(0)
    for trait, holds in facts.items():
        traits |= trait if holds else Trait(0)
    return traits
