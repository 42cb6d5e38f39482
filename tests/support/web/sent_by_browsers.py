"""What a browser would send for a form of a page, read from the page itself: what is shown is what is posted."""

import re
from html.parser import HTMLParser
from typing import Any

LINE_END = re.compile(r"\r\n?|\n")


class _Forms(HTMLParser):
    """Collects `[(name, value)]` of every form; what stands in `<template>` or `<noscript>` is not part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[list[tuple[str, str]]] = []
        self._inert = 0
        self._area: tuple[str, list[str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._option = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        got = dict(attrs)
        if tag in {"template", "noscript"}:
            self._inert += 1
        elif tag == "form":
            self.forms.append([])
        elif self.forms and not self._inert:
            self._control(tag, got)

    def _control(self, tag: str, got: dict[str, str]) -> None:
        if tag == "input" and "name" in got:
            if got.get("type") not in {"checkbox", "radio"} or "checked" in got:
                self._put(got["name"], LINE_END.sub("", got.get("value", "")))
        elif tag == "textarea":
            self._area = (got["name"], [])
        elif tag == "select":
            self._select = (got["name"], [])
        elif tag == "option" and self._select:
            self._option = "value" not in got
            self._select[1].append((got.get("value", ""), "selected" in got))

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area[1].append(data)
        elif self._select and self._option:
            self._select[1][-1] = (self._select[1][-1][0] + data, self._select[1][-1][1])

    def handle_endtag(self, tag: str) -> None:
        if tag in {"template", "noscript"}:
            self._inert -= 1
        elif tag == "textarea" and self._area:
            name, parts = self._area
            self._put(name, LINE_END.sub("\r\n", "".join(parts).removeprefix("\n")))
            self._area = None
        elif tag == "option":
            self._option = False
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [options[0][0]]
            self._put(name, chosen[0])
            self._select = None

    def _put(self, name: str, value: str) -> None:
        self.forms[-1].append((name, value))


def form_with(response: Any, field: str) -> dict[str, list[str]]:
    """The fields, as they stand, of the form of this page that has a field of this name."""
    parser = _Forms()
    parser.feed(response.content.decode())
    fields = next(form for form in parser.forms if field in dict(form))
    names = dict.fromkeys(name for name, _ in fields)
    return {name: [value for other, value in fields if other == name] for name in names}
