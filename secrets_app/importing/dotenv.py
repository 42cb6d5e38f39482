"""A parser for the text of a `.env` file.

It finds the entries with their lines, and explains why a line is not an entry. Nothing is looked up: `${X}` is recorded
as a reference, which `references.py` fills in if the caller asks for it. It reads each character a bounded number of
times, and never reads a line inside an unclosed quote as a name (docs/decisions/0005). Messages name lines and never
quote them.

The syntax: blank lines and `#` comments; an unquoted value up to the end of the line or to a `#` after white space; a
value in single quotes or backticks, taken literally; a value in double quotes with the escapes `\\n`, `\\r`, `\\t`,
`\\"`, `\\'`, `\\``, `\\\\` and `\\$`. Quoted values may span lines. CR LF and CR each count as one line break. A byte
order mark at the beginning is ignored. Lines of other tools are read as well (`_FOREIGN`): shells, batch files,
PowerShell, Dockerfiles and YAML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from secrets_app.naming.names import MAX_LENGTH as LONGEST_NAME
from secrets_app.plaintext import Plaintext

MAX_BYTES = 1_048_576
MAX_ENTRIES = 5_000

_FOREIGN = re.compile(
    r"(?:export|readonly|(?:declare|typeset)(?:[^\S\n]+-\w+)+|set|ENV|-)[^\S\n]+|\$env:|\$\{env:(?=[^}]*+\}\s*+\Z)",
    re.IGNORECASE,
)
"""What other tools put before a name: shells, batch files, Dockerfiles, lists of YAML, PowerShell."""
_YAML = re.compile(r"(?:-[^\S\n]+)?[A-Za-z_][\w.\-]*+:(?=[^\S\n])")
_BATCH = re.compile(r'set[^\S\n]+"(\w[\w.\-]*+)=([^\n]*)"[^\S\n]*\Z', re.IGNORECASE)
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'([^']*+)'"),
    "`": re.compile(r"`([^`]*+)`"),
}
_INLINE_COMMENT = re.compile(r"[^\S\n]#")
_APOSTROPHES = re.compile(r"'((?:[^'\\\n]|\\.)*+)'[^\S\n]*+(?:#|$)", re.MULTILINE)
_REFERENCE = re.compile(r"(?<!\\)((?:\\\\)*+)\$\{([A-Za-z_]\w*+)\}", re.ASCII)
_ESCAPE = re.compile(r"""\\([nrt"'`\\$])""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_NAME_LIKE = re.compile(r"\w[\w .\-\u2010-\u2015\u2212]*+\Z")
_ARMOR, _ARMOR_END = "-----BEGIN ", "-----END "
_YAML_BLOCK = re.compile(r"[|>][+\-\d]*")

NO_SIGN = "There is no “=” in this line. Write NAME=value."
NO_NAME = "There is no name before “=”. Write NAME=value."
ODD_NAME = "The text before “=” is not a name. It is not shown because it may be part of a value. Write NAME=value."
NO_QUOTES = (
    "A key that spans several lines needs quotes around it. Put a quote before -----BEGIN and after the last line."
)
NO_END = "The key that begins here has no line “-----END …”, so nothing below it was read. Complete the key."
YAML_BLOCK = "The value stands in the lines below, as YAML allows. Put it behind the name, in quotes."
NOT_CLOSED = "The quote that opens here is never closed, so nothing below it was read. Close it."


@dataclass(frozen=True, slots=True)
class DotenvEntry:
    """An entry `NAME=value` and the number of its first line, from 1. `name` is unchanged from the text.

    `parts` are texts and names of `${…}` references in turn, and empty if the value has no reference.
    """

    line: int
    name: str
    value: Plaintext = field(repr=False)
    is_empty: bool
    parts: tuple[Plaintext, ...] = field(default=(), repr=False)

    @property
    def references(self) -> list[str]:
        """The names that the value refers to, in order, each once."""
        return list(dict.fromkeys(name.expose() for name in self.parts[1::2]))


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not an entry, and the reason. `name` is empty unless the line clearly has a name."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """What was found, or None for a blank line or comment, and the position after it."""

    found: DotenvEntry | BadLine | None
    end: int


def is_too_large(text: Plaintext) -> bool:
    """Whether the text has more than `MAX_BYTES` in UTF-8."""
    return len(text.expose().encode(errors="surrogatepass")) > MAX_BYTES


def parse(text: Plaintext) -> Iterator[DotenvEntry | BadLine]:
    """Yield every entry and every line that cannot be read, in the order of the text."""
    content = text.expose().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    position, line = 0, 1
    while position < len(content):
        statement = _statement(content, position, line)
        if statement.found:
            yield statement.found
        end = _end_of_line(content, statement.end) + 1
        line += content.count("\n", position, end)
        position = end


def _statement(content: str, start: int, line: int) -> _Statement:
    end = _end_of_line(content, start)
    whole = content[start:end]
    bare = whole.strip()
    if not bare or bare.startswith("#"):
        return _Statement(None, end)
    if bare.startswith(_ARMOR):
        return _armor(content, start, line, "")
    if batch := _BATCH.match(bare):
        return _Statement(_entry(line, batch[1], batch[2], literal=True), end)
    sign = "="
    if yaml := _YAML.match(bare):
        sign = ":"
    left, sign, right = whole.partition(sign)
    if not sign:
        return _Statement(BadLine(line, "", NO_SIGN), end)
    name, problem = _name(left)
    if yaml and _YAML_BLOCK.fullmatch(right.strip()):
        return _Statement(
            BadLine(line, name, YAML_BLOCK), _end_of_block(content, end, len(whole) - len(whole.lstrip()))
        )
    gap = len(right) - len(right.lstrip())
    found = _value(content, start + len(left) + 1 + gap, line, name, after_blank=gap > 0)
    return _Statement(BadLine(line, "", problem), found.end) if problem else found


def _name(left: str) -> tuple[str, str]:
    """Return the name as it is in the text, and the problem with it; one of the two is empty."""
    name = left.strip()
    if before := _FOREIGN.match(name):
        name = name[before.end() :].strip().removesuffix("}")
    if len(name) > 1 and name[0] == name[-1] and name[0] in {'"', "'"}:
        name = name[1:-1]
    if not name:
        return "", NO_NAME
    return ("", ODD_NAME) if len(name) > LONGEST_NAME or not _NAME_LIKE.match(name) else (name, "")


def _value(content: str, start: int, line: int, name: str, *, after_blank: bool) -> _Statement:
    """Parse a value from its first non-blank character; `after_blank` says whether a blank precedes it."""
    end = _end_of_line(content, start)
    if content.startswith(_ARMOR, start) and _ARMOR_END not in content[start:end]:
        return _armor(content, start, line, name)
    if content[start : start + 1] in _QUOTED:
        return _quoted(content, start, line, name)
    typed = content[start:end]
    comment = 0 if after_blank and typed.startswith("#") else None
    if comment is None and (mark := _INLINE_COMMENT.search(typed)):
        comment = mark.start()
    return _Statement(_entry(line, name, typed[:comment].strip()), end)


def _quoted(content: str, start: int, line: int, name: str) -> _Statement:
    found = _QUOTED[content[start]].match(content, start)
    if not found:
        return _Statement(BadLine(line, name, NOT_CLOSED), len(content))
    rest = content[found.end() : _end_of_line(content, found.end())].lstrip()
    if rest and not rest.startswith("#"):
        if found[1].endswith("\\") and (whole := _APOSTROPHES.match(content, start)):
            return _Statement(
                _entry(line, name, whole[1].replace("\\'", "'"), literal=True), _end_of_line(content, start)
            )
        closing = line + content.count("\n", start, found.end())
        return _Statement(BadLine(line, name, _after_quote(line, closing)), found.end())
    is_double = content[start] == '"'
    return _Statement(_entry(line, name, found[1], literal=not is_double, escaped=is_double), found.end())


def _after_quote(line: int, closing: int) -> str:
    where = "in this line" if closing == line else f"in line {closing}"
    return (
        f"The quote that opens here is closed {where}, and more follows behind it. Close it earlier, or put a “\\” "
        "before each quote inside the value."
    )


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def _end_of_line(content: str, start: int) -> int:
    end = content.find("\n", start)
    return len(content) if end < 0 else end


def _armor(content: str, start: int, line: int, name: str) -> _Statement:
    """Skip a PEM block without quotes, whose lines are not entries even if they contain “=”."""
    end = content.find(_ARMOR_END, start)
    if end < 0:
        return _Statement(BadLine(line, name, NO_END), len(content))
    return _Statement(BadLine(line, name, NO_QUOTES), end)


def _end_of_block(content: str, end: int, indent: int) -> int:
    """Return the end of the lines of a YAML block, which are indented further than its name."""
    while end < len(content):
        following = _end_of_line(content, end + 1)
        text = content[end + 1 : following]
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        end = following
    return end


def _entry(line: int, name: str, text: str, *, literal: bool = False, escaped: bool = False) -> DotenvEntry:
    """Return an entry.

    Args:
        literal: the text has no references.
        escaped: the text has the escapes of double quotes.
    """
    pieces: list[str] = []
    at = 0
    for found in () if literal else _REFERENCE.finditer(text):
        pieces += [text[at : found.end(1)], found[2]]
        at = found.end()
    pieces.append(text[at:])
    if escaped:
        pieces[::2] = [_ESCAPE.sub(_unescaped, piece) for piece in pieces[::2]]
    value = "".join(f"${{{piece}}}" if index % 2 else piece for index, piece in enumerate(pieces))
    parts = tuple(map(Plaintext, pieces)) if len(pieces) > 1 else ()
    return DotenvEntry(line, name, Plaintext(value), is_empty=not value, parts=parts)
