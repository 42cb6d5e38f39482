"""The import form. Names and decisions go back into the page, the rest of the text does not."""

from dataclasses import dataclass

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from accounts.common.environments import Environment
from accounts.common.texts import UNSTORABLE
from accounts.errors import FieldError
from secrets_app.importing.plan import TOO_LARGE, ImportChoices
from secrets_app.plaintext import Plaintext

NO_TEXT = "Paste the text of a .env file, or choose a file."
TWO_TEXTS = "Paste a text or choose a file, not both."
NOT_UTF_8 = "The file is not UTF-8 text. Save it as UTF-8 and choose it again."


@dataclass(frozen=True, slots=True)
class ImportSubmission:
    """A submitted import form. `token` is that of the check that the person saw, or empty.

    `decided` are the names in the text that the person saw with a choice.
    """

    environment: Environment
    text: Plaintext
    choices: ImportChoices
    is_apply: bool
    token: str
    decided: frozenset[str]
    errors: list[FieldError]


def read(request: HttpRequest) -> ImportSubmission:
    """Return the submission, with the errors that show before the text is parsed."""
    post = request.POST
    environment = next((each for each in Environment if each.value == post.get("environment")), None)
    text, problem = _text(request)
    errors = [] if environment else [FieldError("environment", "Choose an environment.")]
    return ImportSubmission(
        environment=environment or Environment.DEVELOPMENT,
        text=text,
        choices=_choices(request),
        is_apply=post.get("act") == "apply",
        token=post.get("token", ""),
        decided=frozenset(post.getlist("written")),
        errors=[*errors, *([FieldError("dotenv", problem)] if problem else [])],
    )


def _choices(request: HttpRequest) -> ImportChoices:
    """Return the decisions by the name in the text, because lines may move between two submissions and names do not."""
    pairs = zip(request.POST.getlist("written"), request.POST.getlist("wanted"), strict=False)
    return ImportChoices(
        names={
            written: wanted.strip() for written, wanted in pairs if wanted.strip() and not UNSTORABLE.search(wanted)
        },
        left_out=frozenset(request.POST.getlist("left_out")),
        allow_short="allow_short" in request.POST,
        fill_references="fill_references" in request.POST,
    )


def _text(request: HttpRequest) -> tuple[Plaintext, str]:
    """Return the pasted text or the content of the file, and an error message or ""."""
    pasted, file = request.POST.get("dotenv", ""), request.FILES.get("file")
    if pasted.strip() and file:
        return Plaintext(""), TWO_TEXTS
    if isinstance(file, UploadedFile):
        return _content(file)
    if not pasted.strip():
        return Plaintext(""), TOO_LARGE if _was_dropped(request) else NO_TEXT
    return Plaintext(pasted), ""


def _content(file: UploadedFile) -> tuple[Plaintext, str]:
    try:
        text = file.read().decode()
    except UnicodeDecodeError:
        text = None
    return (Plaintext(""), NOT_UTF_8) if text is None else (Plaintext(text), "" if text.strip() else NO_TEXT)


def _was_dropped(request: HttpRequest) -> bool:
    """Whether a file was discarded because it exceeds the size limit (`FILE_UPLOAD_HANDLERS` in the settings)."""
    return int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
