"""The operations of a document while it is completed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ninja.operation import Operation

REF = "#/components/schemas/{}"


@dataclass(frozen=True, slots=True)
class DocumentedCall:
    """An operation in the document, with what the framework knows of it.

    Attributes:
        about: its object in the document, which is completed in place.
    """

    path: str
    about: dict[str, Any]
    operation: Operation

    @property
    def id(self) -> str:
        """The operation id."""
        return str(self.about["operationId"])

    @property
    def answers(self) -> dict[int, dict[str, Any]]:
        """The answers by status."""
        found: dict[int, dict[str, Any]] = self.about["responses"]
        return found

    @property
    def successes(self) -> dict[int, dict[str, Any]]:
        """The answers that are no refusals and no 304."""
        return {status: answer for status, answer in self.answers.items() if status < 300}  # noqa: PLR2004 - redirection

    @property
    def has_body(self) -> bool:
        """Whether the operation takes a body."""
        return "requestBody" in self.about


def calls_of(document: dict[str, Any], operations: dict[str, Operation]) -> Iterator[DocumentedCall]:
    """Yield the operations of a document."""
    for path, methods in document["paths"].items():
        for about in methods.values():
            yield DocumentedCall(path, about, operations[about["operationId"]])


def schema_of(answer: dict[str, Any]) -> str:
    """Return the name of the schema of a JSON answer; empty if it has none."""
    found = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(found.get("$ref", "")).rpartition("/")[2]
