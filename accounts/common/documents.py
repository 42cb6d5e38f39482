"""Reading documents that people write: JSON and YAML, within bounds, with the line of everything in them.

Both give what JSON can hold: objects with text as names, lists, texts, numbers as written, true, false and null. A
refusal names a line and a path, and repeats nothing else of the document.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from accounts.common.fields import RepeatedName, read_json
from accounts.common.yaml_events import DEEPEST, REPEATED, Builder, Lines, Step, refusal_at, too_deep, too_many

LARGEST, MOST_NODES = 2_621_440, 200_000

_JSON_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"(?P<name>\s*:)?|[\[\]{},:]|\n|[^\s\[\]{},:"]+')


@dataclass(frozen=True, slots=True)
class Document:
    """What was read, and where it stands.

    Attributes:
        content: the document's object. Lists and objects may be shared where YAML repeats them: do not change them.
    """

    content: dict[str, Any]
    _lines_of: Callable[[], Lines]

    def line_of(self, path: Sequence[Step]) -> int:
        """Return the line of a field, counted from 1, or of the nearest thing around it that is in the document."""
        lines, line, place = self._lines_of(), 1, self.content
        for step in path:
            found = lines.get(id(place), {}).get(step)
            if found is None:
                return line
            line, place = found, place[step]  # type: ignore[index]
        return line


def read_document(written: str | bytes, *, largest: int = LARGEST, most_nodes: int = MOST_NODES) -> Document:
    """Read a JSON or YAML document whose outermost level is an object.

    Args:
        largest: how many bytes it may have.
        most_nodes: how many values, after aliases are written out.

    Raises:
        DocumentUnreadable: it is neither, too large or too deep, repeats a name, refers to itself, or has tags.
    """
    text = _text_of(written, largest)
    return _read_json(text, most_nodes) if text.lstrip()[:1] in {"{", "["} else _read_yaml(text, most_nodes)


def _read_yaml(text: str, most_nodes: int) -> Document:
    builder = Builder(most_nodes)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise refusal_at(f"This is not YAML: {fault.problem}.", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError:
        raise refusal_at("The document has control characters that YAML does not allow.", 0) from None
    return Document(_object(builder.root), lambda: builder.lines)


def _read_json(text: str, most_nodes: int) -> Document:
    try:
        root = read_json(text)
    except RecursionError:
        raise too_deep(0) from None
    except RepeatedName:
        _read_yaml(text, most_nodes)  # which names the line
        raise refusal_at(REPEATED, 0) from None
    except json.JSONDecodeError as fault:
        raise refusal_at(f"This is not JSON: {fault.msg.partition(':')[0]}.", fault.lineno) from None
    except ValueError:
        raise refusal_at(
            "This is not JSON: it has a number that JSON does not have, or one that is too long.", 0
        ) from None
    _check_bounds(root, most_nodes)
    return Document(_object(root), lambda: _lines_of_json(text, root))


def _text_of(written: str | bytes, largest: int) -> str:
    raw = written.encode(errors="surrogatepass") if isinstance(written, str) else written
    if len(raw) > largest:
        raise refusal_at(
            f"The document is larger than {largest:,} bytes. Divide it, or leave out what is not needed.", 0
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise refusal_at(
            "The document is not UTF-8 text. Save it as UTF-8.", raw.count(b"\n", 0, fault.start) + 1
        ) from None


def _object(root: object) -> dict[str, Any]:
    if not isinstance(root, dict):
        raise refusal_at("The document has to be an object: lines of the form `name: value`.", 1)
    return root


def _check_bounds(root: object, most_nodes: int) -> None:
    """Check how deep a JSON document is nested, and how many values it has."""
    level, nodes, depth = [root], 0, 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > most_nodes:
            raise too_many(most_nodes)
        level = [child for parent in level for child in _children(parent)]
        if level and depth > DEEPEST:
            raise too_deep(0)


def _children(parent: object) -> Iterable[object]:
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()


def _lines_of_json(text: str, root: object) -> Lines:
    """Return the lines of a JSON text that has been read: its values are in the same order as their tokens."""
    numbers = _lines_of_values(text)
    next(numbers)
    lines: Lines = {}
    waiting = [(root, iter(_steps(root)))]
    while waiting:
        parent, steps = waiting[-1]
        step = next(steps, None)
        if step is None:
            waiting.pop()
            continue
        lines.setdefault(id(parent), {})[step] = next(numbers)
        child = parent[step]  # type: ignore[index]
        waiting.append((child, iter(_steps(child))))
    return lines


def _steps(parent: object) -> Iterable[Step]:
    if isinstance(parent, dict):
        return parent
    return range(len(parent)) if isinstance(parent, list) else ()


def _lines_of_values(text: str) -> Iterator[int]:
    """Yield the line of each value of a JSON text."""
    line = 1
    for token in _JSON_TOKENS.finditer(text):
        if token[0] == "\n":
            line += 1
        elif token["name"] is not None:
            line += token["name"].count("\n")
        elif token[0] not in "]},:":
            yield line
