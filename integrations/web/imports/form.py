"""The form of an import. The pasted text stays in the browser; only names and decisions go back into the page."""

from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict

from accounts.common.environments import Environment
from accounts.errors import FieldError, Invalid
from integrations.importing.drafts import SOURCE, Draft
from integrations.importing.plan import ImportOptions
from integrations.importing.reading import read_draft
from integrations.importing.updating import UpdateOptions

TWO_TEXTS = "Paste a text or choose a file, not both."
NOT_UTF_8 = "The file is not UTF-8 text. Save it as UTF-8 and choose it again."


@dataclass(frozen=True, slots=True)
class ImportForm:
    """A submitted form.

    Attributes:
        act: the button: `read`, `reads`, `all`, `preview` or `import`.
        expected: the fingerprint of the text that the person saw; empty at first.
    """

    text: str
    options: ImportOptions
    act: str
    expected: str
    errors: list[FieldError]


def read(request: HttpRequest) -> ImportForm:
    """Return the submission, with the errors that show before the text is read."""
    text, problem = _text(request)
    post = request.POST
    options = ImportOptions(
        operations=tuple(post.getlist("operation")),
        connection_name=post.get("connection_name", ""),
        base_url=post.get("base_url", ""),
        action_names=_pairs(post, "action", "action_name"),
        secret_names=_pairs(post, "secret", "secret_name"),
        connectors=_pairs(post, "scheme", "connector"),
        environments=frozenset(each for each in Environment if each.value in post.getlist("environments")),
        allow_short="allow_short" in post,
    )
    errors = [FieldError(SOURCE, problem)] if problem else []
    return ImportForm(text, options, post.get("act", "read"), post.get("expected", ""), errors)


def draft_of(sent: ImportForm) -> Draft:
    """Return the draft of the text that was sent.

    Raises:
        Invalid: there is none, or it cannot be read.
    """
    if sent.errors:
        raise Invalid("", errors=sent.errors)
    return read_draft(sent.text)


def read_update(request: HttpRequest) -> tuple[ImportForm, UpdateOptions]:
    """Return the submission of an update."""
    post = request.POST
    options = UpdateOptions(
        add=tuple(post.getlist("add")),
        change=tuple(post.getlist("change")),
        switch_off=tuple(post.getlist("switch_off")),
    )
    return read(request), options


def _pairs(post: QueryDict, keys: str, values: str) -> dict[str, Any]:
    return dict(zip(post.getlist(keys), post.getlist(values), strict=False))


def _text(request: HttpRequest) -> tuple[str, str]:
    """Return the pasted text or the content of the file, and an error message or ""."""
    pasted, file = str(request.POST.get(SOURCE, "")), request.FILES.get("upload")
    if pasted.strip() and file:
        return "", TWO_TEXTS
    if not isinstance(file, UploadedFile):
        return pasted, ""
    try:
        return file.read().decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", NOT_UTF_8
