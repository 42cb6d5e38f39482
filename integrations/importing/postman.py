"""A Postman collection (2.0 or 2.1) as the draft of a connection with an action for each request.

Variables of the collection stand in addresses; elsewhere they become parameters, or secrets if their name or value says
so. Scripts, saved answers and disabled entries are passed over.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from accounts.common.documents import Document
from accounts.common.fields import write_json
from integrations.importing import texts
from integrations.importing.checking import checked
from integrations.importing.drafts import MOST_OPERATIONS, Draft, DraftAction, NotImportable, NotReadable, Outline
from integrations.importing.found import FoundSecrets
from integrations.importing.nodes import as_list, as_object, as_text
from integrations.importing.postman_auth import Authorizations
from integrations.importing.samples import METHODS, VARIABLE, Sample, SampleBody, SampleField, SampleReader, query_of

DEEPEST_FOLDER = 16
_OLD = "Export the collection as Collection v2.1: this version is not read."

Node = Mapping[str, Any]


def is_postman(content: Node) -> bool:
    """Return whether a document is a collection."""
    info = as_object(content.get("info"))
    return "_postman_id" in info or "getpostman" in as_text(info.get("schema")) or "requests" in content


def read_postman(document: Document) -> Draft:
    """Return the draft of a collection.

    Raises:
        NotReadable: it is of an older version, or has no requests, or too many.
    """
    if not isinstance(document.content.get("item"), list):
        raise NotReadable(_OLD)
    return _Collection(document.content).draft()


@dataclass(frozen=True, slots=True)
class _Request:
    """A request, the folder that it stands in and what it signs in with."""

    written: Node
    name: str
    description: object
    folder: str
    auth: Node


class _Collection:
    def __init__(self, content: Node) -> None:
        self.content, self.info = content, as_object(content.get("info"))
        self.variables = _variables(content)
        found = self._requests(content, "", as_object(content.get("auth")), 0)
        self.requests = list(islice(found, MOST_OPERATIONS + 1))
        if len(self.requests) > MOST_OPERATIONS:
            raise NotReadable(f"There are more than {MOST_OPERATIONS:,} requests. Export them in parts.")
        hosts = Counter(self._parts(each.written)[0] for each in self.requests)
        self.addresses = [address for address, _ in hosts.most_common() if address]
        self.main = hosts.most_common(1)[0][0] if hosts else ""
        title = texts.plain(self.info.get("name"), texts.LONGEST_NAME)
        self.title, self.secrets = title, FoundSecrets(texts.prefix_of(self.main, title))
        self.auth = Authorizations(self.secrets, self.variables)

    def draft(self) -> Draft:
        if not self.requests:
            raise NotReadable("The collection has no requests.")
        actions: dict[str, DraftAction] = {}
        for each in self.requests:
            action = self._action(each, set(actions))
            actions[action.outline.key] = action
        notes = [] if self.main else ["Its address is a variable without a value: enter the base URL."]
        outlines = [each.outline for each in actions.values()]
        return Draft(
            "Postman", self.title, self.addresses, self.auth.schemes, outlines,
            lambda outline: checked(actions[outline.key]), notes=notes,
        )  # fmt: skip

    def _requests(self, node: Node, folder: str, auth: Node, depth: int) -> Iterator[_Request]:
        for item in map(as_object, as_list(node.get("item"))):
            name = texts.plain(item.get("name"), texts.LONGEST_NAME)
            own = as_object(item.get("auth")) or auth
            if isinstance(item.get("item"), list) and depth < DEEPEST_FOLDER:
                yield from self._requests(item, folder or name, own, depth + 1)
            elif "request" in item:
                written = item["request"]
                request = {"url": written, "method": "GET"} if isinstance(written, str) else as_object(written)
                said = item.get("description") or request.get("description")
                yield _Request(request, name, said, folder, as_object(request.get("auth")) or own)

    def _parts(self, request: Node) -> tuple[str, str, str]:
        """Return the address, the path and the query of a request. Only addresses have their variables filled in."""
        url = request.get("url")
        raw = as_text(url) or as_text(as_object(url).get("raw"))
        start, _, rest = raw.partition("?")
        base, slash, path = _divided(start)
        base = VARIABLE.sub(lambda match: self.variables.get(match[1], match[0]), base)
        if "://" not in base:
            base = f"https://{base}" if base and not VARIABLE.search(base) else ""
        try:
            parts = urlsplit(base)
        except ValueError:
            return "", slash + path, rest
        host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
        is_known = bool(host) and not VARIABLE.search(host)
        return host if is_known else "", f"{parts.path.rstrip('/')}{slash}{path}".partition("#")[0], rest

    def _action(self, request: _Request, taken: set[str]) -> DraftAction:
        address, path, query = self._parts(request.written)
        method = as_text(request.written.get("method")).upper() or "GET"
        outline = self._outline(request, method, path or "/", taken)
        if method not in METHODS:
            return DraftAction(outline, problem=f"The method {texts.cut(method, 20)} is not supported.")
        headers, needs = self.auth.of_headers(request.auth, list(_pairs(request.written.get("header"))))
        reader = SampleReader(self._sample(request.written, method, path or "/", query, headers), self.secrets)
        try:
            config = reader.config()
        except NotImportable as problem:
            return DraftAction(outline, problem=str(problem))
        text = write_json(config)
        own = tuple(each for each in self.secrets.secrets if f"{{secrets.{each.name}}}" in text)
        said = as_text(request.description) or as_text(as_object(request.description).get("content"))
        description = texts.sentences([request.name, said], texts.LONGEST_DESCRIPTION)
        elsewhere = address if address != self.main else ""
        return DraftAction(outline, config, description, needs, elsewhere, own, tuple(reader.notes))

    def _sample(self, written: Node, method: str, path: str, query: str, headers: Sequence[tuple[str, str]]) -> Sample:
        url = as_object(written.get("url"))
        return Sample(
            method=method,
            path=path,
            query=list(_pairs(url["query"])) if isinstance(url.get("query"), list) else query_of(query),
            headers=headers,
            body=_body(as_object(written.get("body"))),
            examples={**self.variables, **_variables({"variable": url.get("variable")})},
        )

    def _outline(self, request: _Request, method: str, path: str, taken: set[str]) -> Outline:
        key = f"{texts.cut(method, 20)} {texts.plain(path, 500)}"
        name = texts.action_name(request.name, request.name, key)
        keys = [key, f"{key} ({name})", *(f"{key} ({name}, {number})" for number in range(2, len(taken) + 3))]
        free = next(each for each in keys if each not in taken)
        folder = (request.folder,) if request.folder else ()
        return Outline(free, name, method, path, "", "", folder)


def _divided(url: str) -> tuple[str, str, str]:
    """Return what stands before the path, the slash and the rest: `https://api.example.com`, `/`, `v1/contacts`."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = (rest if mark else scheme).partition("/")
    return (f"{scheme}://{host}" if mark else host), slash, path


def _variables(node: Node) -> dict[str, str]:
    found = map(as_object, as_list(node.get("variable")))
    values = {as_text(each.get("key")): each.get("value") for each in found if each.get("disabled") is not True}
    return {name: str(value) for name, value in values.items() if name and isinstance(value, str | int) and value != ""}


def _pairs(node: object) -> Iterator[tuple[str, str]]:
    """Yield the enabled entries of a list of names and values, or of headers written as a text."""
    if isinstance(node, str):
        lines = (line.partition(":") for line in node.splitlines())
        yield from ((name.strip(), value.strip()) for name, mark, value in lines if mark)
        return
    for each in map(as_object, as_list(node)):
        if each.get("disabled") is not True and isinstance(each.get("key"), str):
            value = each.get("value")
            yield each["key"], "" if value is None or isinstance(value, dict | list) else str(value)


def _body(body: Node) -> SampleBody:
    mode = as_text(body.get("mode"))
    if mode == "urlencoded":
        return SampleBody("form", fields=[SampleField(*pair) for pair in _pairs(body.get(mode))])
    if mode == "formdata":
        return SampleBody("multipart", fields=list(_parts_of_form(body.get(mode))))
    if mode == "graphql":
        written = as_object(body.get(mode))
        return SampleBody("json", write_json({"query": as_text(written.get("query")), "variables": {}}))
    if mode == "file":
        return SampleBody("binary")
    raw = as_text(body.get("raw"))
    language = as_object(as_object(body.get("options")).get("raw")).get("language")
    is_json = language == "json" or raw.lstrip().startswith(("{", "["))
    return SampleBody("json" if is_json else "text", raw) if raw.strip() else SampleBody()


def _parts_of_form(node: object) -> Iterator[SampleField]:
    for each in map(as_object, as_list(node)):
        if each.get("disabled") is not True and isinstance(each.get("key"), str):
            yield SampleField(each["key"], as_text(each.get("value")), each.get("type") == "file")
