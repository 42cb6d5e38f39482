"""A curl command as the draft of a connection with one action.

Every option of curl is known here or refused by its name: one that is passed over silently would make another request
than the one that was pasted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from integrations.importing import texts
from integrations.importing.checking import checked
from integrations.importing.curl_options import REFUSED, SHORT, TAKE_VALUE, WITHOUT_EFFECT
from integrations.importing.curl_words import words_of
from integrations.importing.drafts import Draft, DraftAction, DraftScheme, NotImportable, NotReadable, Outline
from integrations.importing.found import FoundSecrets, is_telling
from integrations.importing.samples import METHODS, VARIABLE, Sample, SampleBody, SampleField, SampleReader, query_of
from integrations.importing.schemes import COOKIE, SchemeMaker
from integrations.paste_guard import credentials

_NOT_CHECKED = "-k was left out: Coffer always checks the certificate."


@dataclass
class _CurlOptions:
    """What the words of a command say."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    query: list[tuple[str, str]] = field(default_factory=list)
    fields: list[SampleField] = field(default_factory=list)
    user: str = ""
    is_json: bool = False
    is_file: bool = False
    in_query: bool = False
    location: bool = False
    timeout: float | None = None
    notes: list[str] = field(default_factory=list)


def is_curl(text: str) -> bool:
    """Return whether a text is a curl command."""
    first = text.lstrip().removeprefix("$").lstrip().split(maxsplit=1)[:1]
    return bool(first) and first[0].lower().rpartition("/")[2] in {"curl", "curl.exe"}


def read_curl(text: str) -> Draft:
    """Return the draft of a curl command.

    Raises:
        NotReadable: it is not one, or it does what an action cannot.
    """
    read = _read(words_of(text.lstrip().removeprefix("$").lstrip())[1:])
    if len(read.urls) != 1:
        sentence = (
            "It names no address." if not read.urls else "It calls several addresses. Paste one command for each."
        )
        raise NotReadable(sentence)
    return _Command(read).draft()


def _read(words: Sequence[str]) -> _CurlOptions:
    read, rest = _CurlOptions(), iter(words)
    for word in rest:
        if word.startswith("--") and len(word) > len("--"):
            name, equals, value = word[2:].partition("=")
            _apply(read, name, f"--{name}", _value_of(value if equals else None, rest))
        elif word.startswith("-") and word != "-":
            _read_short(read, word[1:], rest)
        else:
            read.urls.append(word)
    return read


def _read_short(read: _CurlOptions, letters: str, rest: Iterator[str]) -> None:
    """Read options of one letter, which may stand together: `-sSL`, `-XPOST`."""
    while letters:
        letter, letters = letters[0], letters[1:]
        name = SHORT.get(letter, "")
        if name not in TAKE_VALUE:
            _apply(read, name, f"-{letter}", lambda: "")
            continue
        attached, letters = letters, ""
        _apply(read, name, f"-{letter}", _value_of(attached or None, rest))


def _value_of(given: str | None, rest: Iterator[str]) -> Callable[[], str]:
    """Return how the value of an option is found: it is attached, or the next word."""
    return lambda: next(rest) if given is None else given


def _apply(read: _CurlOptions, name: str, shown: str, value: Callable[[], str]) -> None:
    if name in REFUSED:
        raise NotReadable(f"The option {shown} cannot be imported: {REFUSED[name]}.")
    try:
        given = value() if name in TAKE_VALUE else ""
    except StopIteration:
        raise NotReadable(f"The option {shown} has no value.") from None
    if name in WITHOUT_EFFECT:
        return
    act = _OPTIONS.get(name)
    if act is None:
        raise NotReadable(f"The option {texts.cut(shown, 40)} is not known here. Remove it, or write the request out.")
    act(read, given)


def _add_header(read: _CurlOptions, text: str) -> None:
    name, colon, value = text.partition(":")
    if colon and value.strip():
        read.headers.append((name.strip(), value.strip()))


def _add_data(read: _CurlOptions, text: str, *, binary: bool = False, encode: bool = False) -> None:
    name, at, _ = text.partition("@")
    if at and (not name or (encode and "=" not in name)):
        if not binary:
            raise NotReadable("It sends the content of a file that only you have. Paste the text in place of @….")
        read.is_file = True
        return
    name, equals, value = text.partition("=")
    read.data.append(f"{name}{equals}{quote_plus(value)}" if encode and equals else text)


def _add_form(read: _CurlOptions, text: str) -> None:
    name, _, value = text.partition("=")
    is_file = value.startswith(("@", "<"))
    read.fields.append(SampleField(name, "" if is_file else value.partition(";type=")[0], is_file))


def _set_timeout(read: _CurlOptions, text: str) -> None:
    try:
        read.timeout = float(text)
    except ValueError:
        raise NotReadable("The option --max-time takes a number of seconds.") from None


def _set_json(read: _CurlOptions, text: str) -> None:
    read.is_json = True
    _add_data(read, text)


def _set(name: str, value: object = None) -> Callable[[_CurlOptions, str], None]:
    return lambda read, text: setattr(read, name, text if value is None else value)


_OPTIONS: dict[str, Callable[[_CurlOptions, str], None]] = {
    "request": lambda read, text: setattr(read, "method", text.upper()),
    "header": _add_header,
    "data": _add_data,
    "data-ascii": _add_data,
    "data-raw": lambda read, text: read.data.append(text),
    "data-binary": lambda read, text: _add_data(read, text, binary=True),
    "data-urlencode": lambda read, text: _add_data(read, text, encode=True),
    "json": _set_json,
    "form": _add_form,
    "form-string": lambda read, text: read.fields.append(SampleField(*text.partition("=")[::2])),
    "user": _set("user"),
    "url": lambda read, text: read.urls.append(text),
    "url-query": lambda read, text: read.query.extend(query_of(text)),
    "cookie": lambda read, text: read.headers.append((COOKIE, text)),
    "oauth2-bearer": lambda read, text: read.headers.append(("Authorization", f"Bearer {text}")),
    "max-time": _set_timeout,
    "get": _set("in_query", True),
    "head": _set("method", "HEAD"),
    "location": _set("location", True),
    "location-trusted": _set("location", True),
    "insecure": lambda read, _: read.notes.append(_NOT_CHECKED),
}


class _Command:
    """The draft of one command."""

    def __init__(self, read: _CurlOptions) -> None:
        self.read = read
        written = read.urls[0] if "://" in read.urls[0] else f"https://{read.urls[0]}"
        try:
            self.parts = urlsplit(written)
            self.host = self.parts.netloc.rpartition("@")[2]
        except ValueError:
            raise NotReadable("Its address cannot be read.") from None
        self.address = "" if VARIABLE.match(self.host) else f"{self.parts.scheme}://{self.host}"
        self.secrets = FoundSecrets(texts.prefix_of(self.address, "import"))
        self.schemes: list[DraftScheme] = []

    def draft(self) -> Draft:
        self._add_schemes()
        sample = self._sample()
        try:
            reader = SampleReader(sample, self.secrets)
            config = reader.config()
        except NotImportable as problem:
            raise NotReadable(str(problem)) from None
        outline = self._outline(config["path"])
        needs = tuple(scheme.key for scheme in self.schemes)
        notes = (*self.read.notes, *reader.notes)
        of_schemes = {secret.name for scheme in self.schemes for secret in scheme.secrets}
        own = tuple(secret for secret in self.secrets.secrets if secret.name not in of_schemes)
        action = DraftAction(outline, config, "", needs, "", own, notes)
        return Draft(
            "curl", self.host, [self.address] if self.address else [], {each.key: each for each in self.schemes},
            [outline], lambda _: checked(action), notes=notes,
        )  # fmt: skip

    def _outline(self, path: str) -> Outline:
        method = self._method()
        words = [word for word in path.split("/") if word and not word.startswith("{")]
        name = texts.action_name(f"{_VERBS[method]} {' '.join(words[-2:])}", "", f"{method} {self.host}")
        return Outline(f"{method} {path}", name, method, path)

    def _method(self) -> str:
        read = self.read
        has_body = bool((read.data or read.is_file or read.fields) and not read.in_query)
        method = read.method or ("POST" if has_body else "GET")
        if method not in METHODS:
            raise NotReadable(f"The method {texts.cut(method, 20)} is not supported. Use {', '.join(METHODS)}.")
        return method

    def _add_schemes(self) -> None:
        maker, kept = SchemeMaker(self.secrets), []
        pair = self.read.user or self.parts.netloc.rpartition("@")[0]
        if pair:
            self.schemes.append(maker.basic("User and password", *pair.partition(":")[::2]))
        for name, value in self.read.headers:
            if name.lower() == COOKIE.lower() or is_telling(name) or credentials.find(value, under=name):
                self.schemes.append(maker.of_header(f"Header {name}", name, value))
            else:
                kept.append((name, value))
        self.read.headers = kept

    def _sample(self) -> Sample:
        read = self.read
        text = "&".join(read.data)
        query = [*query_of(self.parts.query), *read.query, *(query_of(text) if read.in_query else [])]
        return Sample(
            method=self._method(),
            path=self.parts.path,
            query=query,
            headers=read.headers,
            body=SampleBody() if read.in_query else self._body(text),
            follow_redirects=read.location,
            timeout=read.timeout,
        )

    def _body(self, text: str) -> SampleBody:
        read = self.read
        if read.fields:
            return SampleBody("multipart", fields=read.fields)
        if read.is_file:
            return SampleBody("binary")
        return self._written_body(text) if text else SampleBody()

    def _written_body(self, text: str) -> SampleBody:
        media_type = next((value for name, value in self.read.headers if name.lower() == "content-type"), "").lower()
        if self.read.is_json:
            return SampleBody("json", "".join(self.read.data))
        if "json" in media_type or (not media_type and text.lstrip().startswith(("{", "["))):
            return SampleBody("json", text)
        if "form-urlencoded" in media_type or not media_type:
            return SampleBody("form", fields=[SampleField(name, value) for name, value in query_of(text)])
        return SampleBody("text", text)


_VERBS = {"GET": "Get", "HEAD": "Look at", "POST": "Send", "PUT": "Replace", "PATCH": "Change", "DELETE": "Delete"}
