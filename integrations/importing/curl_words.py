"""Splitting a curl command into words, as bash, `cmd` and PowerShell write it.

Nothing is run or expanded. A variable such as `$API_KEY` becomes `{{API_KEY}}`, as Postman writes one, so that one
reader fills both.
"""

import re
from collections.abc import Iterator

from integrations.importing.drafts import NotReadable

_OPERATORS = "|;&<>()"
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w{0,63})\}|([A-Za-z_]\w{0,63}))")
_ANSI = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL)
_ANSI_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "E": "\x1b"}
_CMD = re.compile(r"\^(\r?\n|.)", re.DOTALL)
_LARGEST_CODE_POINT = 0x10FFFF


def words_of(command: str) -> list[str]:
    """Return the words of a command.

    Raises:
        NotReadable: a quote is not closed, or the command does more than call curl.
    """
    return list(_ShellWords(_as_bash(command)))


def _as_bash(command: str) -> str:
    """Return a command of `cmd` or PowerShell as bash would write it."""
    if '^"' in command or re.search(r"\^\r?\n", command):
        command = _CMD.sub(lambda match: " " if match[1].endswith("\n") else match[1], command)
    return re.sub(r"`\r?\n", " ", command).replace("\\\r\n", "\\\n").strip()


class _ShellWords:
    """The words of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def __iter__(self) -> Iterator[str]:
        while self._skip_blanks():
            yield self._word()

    def _skip_blanks(self) -> bool:
        while self.at < len(self.text):
            if self.text.startswith("\\\n", self.at):
                self.at += 2
            elif self.text[self.at].isspace():
                self.at += 1
            else:
                return True
        return False

    def _word(self) -> str:
        parts: list[str] = []
        while self.at < len(self.text) and not self.text[self.at].isspace():
            if self.text.startswith("\\\n", self.at):
                self.at += 2
                break
            parts.append(self._piece())
        return "".join(parts)

    def _piece(self) -> str:
        sign = self.text[self.at]
        if sign == "'":
            return self._single()
        if sign == '"':
            return self._double()
        if self.text.startswith("$'", self.at):
            return self._ansi()
        if sign in _OPERATORS:
            raise self._refusal("this runs something else too. Paste one curl command, its address in quotes.")
        return self._plain()

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        return self._taken(end)

    def _ansi(self) -> str:
        end = self.at + 2
        while end < len(self.text) and self.text[end] != "'":
            end += 2 if self.text[end] == "\\" else 1
        self.at += 1
        text = _ANSI.sub(_ansi_sign, self._taken(end if end < len(self.text) else -1))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _taken(self, end: int) -> str:
        if end < 0:
            raise self._refusal("a quote is not closed.")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        return inner

    def _double(self) -> str:
        start, parts = self.at, []
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            parts.append(self._in_double())
        if self.at >= len(self.text):
            self.at = start
            raise self._refusal("a quote is not closed.")
        self.at += 1
        return "".join(parts)

    def _in_double(self) -> str:
        if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in {'"', "\\", "$", "`", "\n"}:
            sign = self.text[self.at + 1]
            self.at += 2
            return "" if sign == "\n" else sign
        if self.text[self.at] == "\\":
            self.at += 1
            return "\\"
        return self._plain()

    def _plain(self) -> str:
        """Return the next sign outside of single quotes, or the variable that stands there."""
        sign = self.text[self.at]
        if sign == "`" or self.text.startswith("$(", self.at):
            raise self._refusal("this takes the output of another command. Write it out, or use a variable.")
        if variable := _VARIABLE.match(self.text, self.at):
            self.at = variable.end()
            return f"{{{{{variable[1] or variable[2]}}}}}"
        self.at += 2 if sign == "\\" else 1
        return self.text[self.at - 1 : self.at] if sign == "\\" else sign

    def _refusal(self, sentence: str) -> NotReadable:
        before = self.text[: self.at]
        line, column = before.count("\n") + 1, self.at - before.rfind("\n")
        return NotReadable(f"Line {line}, character {column}: {sentence}")


def _ansi_sign(match: "re.Match[str]") -> str:
    number = match[1] or match[2] or match[3]
    if number or match[4]:
        code = int(number, 16) if number else int(match[4], 8)
        return chr(code) if code <= _LARGEST_CODE_POINT else ""
    return _ANSI_SIGNS.get(match[5], match[5])
