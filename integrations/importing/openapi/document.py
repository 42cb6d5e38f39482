"""A description of an API as a whole: its version, addresses, security schemes and operations."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.common.documents import Document
from accounts.common.texts import UNSTORABLE
from integrations.importing import texts
from integrations.importing.drafts import MOST_OPERATIONS, Draft, DraftAction, NotImportable, NotReadable, Outline
from integrations.importing.nodes import as_list, as_object
from integrations.importing.openapi import swagger
from integrations.importing.openapi.operations import OperationReader
from integrations.importing.openapi.pointers import Pointers
from integrations.importing.openapi.security import Security

METHODS = ("get", "post", "put", "patch", "delete", "head")
MOST_ADDRESSES = 20
_VARIABLE = re.compile(r"\{([^{}]{1,100})\}")
_VERSIONS = {"openapi": re.compile(r"3\.[01](?:\.\d{1,3})?"), "swagger": re.compile(r"2\.0")}

Node = Mapping[str, Any]


def is_openapi(content: Node) -> bool:
    """Return whether a document says that it is OpenAPI or Swagger."""
    return "openapi" in content or "swagger" in content


def read_openapi(document: Document) -> Draft:
    """Return the draft of a description.

    Raises:
        NotReadable: it is of another version, or has no operations, or too many.
    """
    return _Description(document).draft()


class _Description:
    """The description while it is read. Operations are read when their actions are built."""

    def __init__(self, document: Document) -> None:
        self.document, self.root = document, document.content
        self.pointers = Pointers(self.root)
        self.version = self._version()
        self.is_swagger = self.version.startswith("2")
        self.info = as_object(self.root.get("info"))
        self.title = texts.plain(self.info.get("title"), texts.LONGEST_NAME)
        servers = swagger.servers(self.root) if self.is_swagger else self.root.get("servers")
        self.addresses = self._addresses(servers)
        address = self.addresses[0] if self.addresses else ""
        self.security = Security(self._schemes(), address, texts.prefix_of(address, self.title))
        self.items: dict[str, Node] = {}

    def draft(self) -> Draft:
        outlines = list(self._outlines())
        if not outlines:
            raise self._refusal("The description has no operations under `paths`.", ["paths"])
        for outline in outlines:
            self.security.count(self._requirements(self._written(outline)))
        for outline in outlines:
            self._find_credentials(outline)
        form = f"{'Swagger' if self.is_swagger else 'OpenAPI'} {self.version}"
        version = texts.plain(str(self.info.get("version", "")), 40)
        notes = [] if self.addresses else ["It names no complete address: enter the base URL."]
        return Draft(form, self.title, self.addresses, self.security.drafts, outlines, self._build, version, notes)

    def _version(self) -> str:
        name = "openapi" if "openapi" in self.root else "swagger"
        written = str(self.root.get(name))
        if not _VERSIONS[name].fullmatch(written):
            raise self._refusal("Only OpenAPI 3.0 and 3.1 and Swagger 2.0 can be imported.", [name])
        return written

    def _schemes(self) -> Node:
        if self.is_swagger:
            return swagger.security_schemes(self.root)
        found = as_object(as_object(self.root.get("components")).get("securitySchemes"))
        try:
            return {name: self.pointers.follow(each) for name, each in found.items()}
        except NotImportable as problem:
            raise self._refusal(str(problem), ["components", "securitySchemes"]) from None

    def _addresses(self, servers: object) -> list[str]:
        """Return the complete addresses, with the defaults of their variables filled in."""
        found = [_address_of(as_object(each)) for each in as_list(servers)[:MOST_ADDRESSES]]
        return list(dict.fromkeys(address for address in found if address))

    def _outlines(self) -> Iterator[Outline]:
        paths = self.root.get("paths")
        if not isinstance(paths, Mapping):
            raise self._refusal("A description needs an object `paths`.", ["paths"])
        count = 0
        for path, written in paths.items():
            self.items[path] = item = self._item(path, written)
            for method in METHODS:
                if isinstance(item.get(method), Mapping):
                    count += 1
                    if count > MOST_OPERATIONS:
                        sentence = f"There are more than {MOST_OPERATIONS:,} operations. Leave out what is not needed."
                        raise self._refusal(sentence, ["paths", path, method])
                    yield _outline(path, method, item[method])

    def _item(self, path: str, written: object) -> Node:
        try:
            return self.pointers.follow(written)
        except NotImportable as problem:
            raise self._refusal(str(problem), ["paths", path]) from None

    def _written(self, outline: Outline) -> Node:
        written: Node = self.items[outline.path][outline.method.lower()]
        return written

    def _operation(self, outline: Outline) -> Node:
        """Return an operation as OpenAPI 3 writes it, with the parameters of its path."""
        written = self._written(outline)
        listed = [self.items[outline.path].get("parameters"), written.get("parameters")]
        parameters = [each for some in listed for each in as_list(some)]
        if self.is_swagger:
            followed = [self.pointers.follow(each) for each in parameters]
            return swagger.operation(self.root, written, followed, self.pointers.follow)
        return {**written, "parameters": parameters}

    def _requirements(self, written: Node) -> object:
        return written.get("security", self.root.get("security"))

    def _find_credentials(self, outline: Outline) -> None:
        """Have parameters that are credentials counted as schemes; operations with faults are told about later."""
        try:
            self._reader(outline).needs(self._requirements(self._written(outline)))
        except NotImportable:
            return

    def _reader(self, outline: Outline) -> OperationReader:
        return OperationReader(self.pointers, self.security, outline, self._operation(outline))

    def _build(self, outline: Outline) -> DraftAction:
        written = self._written(outline)
        servers = written.get("servers", self.items[outline.path].get("servers"))
        own = [address for address in self._addresses(servers) if address not in self.addresses[:1]]
        try:
            return self._reader(outline).action(self._requirements(written), own[0] if own else "")
        except NotImportable as problem:
            line = self.document.line_of(["paths", outline.path, outline.method.lower()])
            return DraftAction(outline, problem=f"Line {line}: {problem}")

    def _refusal(self, sentence: str, path: list[str]) -> NotReadable:
        line = self.document.line_of(path)
        return NotReadable(f"Line {line}: {sentence}", line=line)


def _outline(path: str, method: str, written: Node) -> Outline:
    key = f"{method.upper()} {UNSTORABLE.sub('', path)}"
    subject, tags = written.get("operationId"), written.get("tags")
    return Outline(
        key,
        texts.action_name(written.get("summary"), subject, key),
        method.upper(),
        path,
        texts.plain(subject, texts.LONGEST_NAME),
        texts.plain(written.get("summary") or written.get("description"), texts.LONGEST_HINT),
        tuple(texts.plain(tag, 60) for tag in as_list(tags)[:5]),
    )


def _address_of(server: Node) -> str:
    url, variables = server.get("url"), as_object(server.get("variables"))
    if not isinstance(url, str):
        return ""
    filled = _VARIABLE.sub(lambda match: _default_of(variables.get(match[1])) or match[0], url.strip())
    is_complete = filled.startswith(("https://", "http://")) and "{" not in filled
    return filled.rstrip("/") if is_complete else ""


def _default_of(variable: object) -> str:
    default = as_object(variable).get("default")
    return default if isinstance(default, str) else ""
