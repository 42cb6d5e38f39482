"""Reading the text of a `.env` file.

Owns: what is an entry, on which line it stands, and why a line is none. Nothing is looked up and nothing is expanded:
`${X}` stays these characters. It reads each character a bounded number of times, whatever the text, and it never takes
a line that belongs to an unclosed value for a name (docs/decisions/0005). Sentences name lines and never quote one.

What is read: blank lines and `#` comments; `export ` before a name; a value without quotes up to the end of the line or
a `#` behind white space; a value in single quotes or backticks as it is; a value in double quotes with the escapes
`\\n`, `\\r`, `\\t`, `\\"`, `\\'`, `\\``, `\\\\` and `\\$`. Quoted values may span lines. CR LF and CR count as one line
break each; a byte order mark at the beginning is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from secrets_app.naming.names import MAX_LENGTH as LONGEST_NAME
from secrets_app.plaintext import Plaintext

MAX_BYTES = 1_048_576
MAX_ENTRIES = 5_000

_EXPORT = re.compile(r"export[^\S\n]+")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'([^']*+)'"),
    "`": re.compile(r"`([^`]*+)`"),
}
_INLINE_COMMENT = re.compile(r"[^\S\n]#")
_ESCAPE = re.compile(r"""\\([nrt"'`\\$])""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_NAME_LIKE = re.compile(r"\w[\w .\-\u2010-\u2015\u2212]*+\Z")
_ARMOR, _ARMOR_END = "-----BEGIN ", "-----END "

NO_SIGN = "There is no “=” in this line. Write NAME=value."
NO_NAME = "There is no name before “=”. Write NAME=value."
ODD_NAME = "What stands before “=” is not a name. It is not shown, as it may be part of a value. Write NAME=value."
NO_QUOTES = "A key of several lines needs quotes around it. Put a quote before -----BEGIN and after the last line."
NOT_CLOSED = "The quote that opens here is never closed, so nothing below it was read. Close it."


@dataclass(frozen=True, slots=True)
class Entry:
    """`NAME=value`, and the line (from 1) on which it begins. `name` is as it was written."""

    line: int
    name: str
    value: Plaintext = field(repr=False)
    is_empty: bool


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no entry, and why. `name` is empty unless the line clearly has one."""

    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """What was found (nothing for blanks and comments), and the place behind it."""

    found: Entry | BadLine | None
    end: int


def is_too_large(text: Plaintext) -> bool:
    """Whether the text has more than `MAX_BYTES` in UTF-8."""
    return len(text.expose().encode(errors="surrogatepass")) > MAX_BYTES


def parse(text: Plaintext) -> Iterator[Entry | BadLine]:
    """Every entry, and every line that cannot be read, in order."""
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
        return _Statement(BadLine(line, "", NO_QUOTES), _end_of_armor(content, start))
    left, sign, right = whole.partition("=")
    if not sign:
        return _Statement(BadLine(line, "", NO_SIGN), end)
    name, problem = _name(left)
    gap = len(right) - len(right.lstrip())
    found = _value(content, start + len(left) + 1 + gap, line, name, is_apart=gap > 0)
    return _Statement(BadLine(line, "", problem), found.end) if problem else found


def _name(left: str) -> tuple[str, str]:
    """The name as it was written, and why it is none."""
    name = _EXPORT.sub("", left.strip(), count=1) if left.lstrip().startswith("export") else left.strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in {'"', "'"}:
        name = name[1:-1]
    if not name:
        return "", NO_NAME
    return ("", ODD_NAME) if len(name) > LONGEST_NAME or not _NAME_LIKE.match(name) else (name, "")


def _value(content: str, start: int, line: int, name: str, *, is_apart: bool) -> _Statement:
    """What stands behind the “=”, from its first character that is no blank; `is_apart` when blanks come before it."""
    end = _end_of_line(content, start)
    if content.startswith(_ARMOR, start):
        return _Statement(BadLine(line, name, NO_QUOTES), _end_of_armor(content, start))
    if content[start : start + 1] in _QUOTED:
        return _quoted(content, start, line, name)
    typed = content[start:end]
    comment = 0 if is_apart and typed.startswith("#") else None
    if comment is None and (mark := _INLINE_COMMENT.search(typed)):
        comment = mark.start()
    return _Statement(_entry(line, name, typed[:comment].strip()), end)


def _quoted(content: str, start: int, line: int, name: str) -> _Statement:
    found = _QUOTED[content[start]].match(content, start)
    if not found:
        return _Statement(BadLine(line, name, NOT_CLOSED), len(content))
    rest = content[found.end() : _end_of_line(content, found.end())].lstrip()
    if rest and not rest.startswith("#"):
        closing = line + content.count("\n", start, found.end())
        return _Statement(BadLine(line, name, _after_quote(line, closing)), found.end())
    text = _ESCAPE.sub(_unescaped, found[1]) if content[start] == '"' else found[1]
    return _Statement(_entry(line, name, text), found.end())


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


def _end_of_armor(content: str, start: int) -> int:
    """Behind the last line of a PEM block: its lines are no entries, whatever signs they hold."""
    end = content.find(_ARMOR_END, start)
    return len(content) if end < 0 else end


def _entry(line: int, name: str, value: str) -> Entry:
    return Entry(line, name, Plaintext(value), is_empty=not value)
