"""One operation of a description as an API action."""

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.importing import texts
from integrations.importing.arguments import Arguments
from integrations.importing.checking import problem_with_action, with_simpler_parameters, without_credentials
from integrations.importing.drafts import DraftAction, NotImportable, Outline
from integrations.importing.nodes import as_list, as_object
from integrations.importing.openapi.bodies import BodyReader
from integrations.importing.openapi.parameters import ParameterReader, in_place
from integrations.importing.openapi.pointers import Pointers
from integrations.importing.openapi.schemas import SchemaReader
from integrations.importing.openapi.security import Security, is_credential

JSON = "application/json"

Node = Mapping[str, Any]


class OperationReader:
    """Reads one operation."""

    def __init__(self, pointers: Pointers, security: Security, outline: Outline, written: Node) -> None:
        """Start with an empty declaration of parameters.

        Args:
            written: the operation of OpenAPI 3, with the parameters of its path.
        """
        self._pointers, self._security, self._outline, self._written = pointers, security, outline, written
        self._arguments, self._notes = Arguments(), list[str]()

    def action(self, requirements: object, address: str) -> DraftAction:
        """Return the draft of the action.

        Args:
            requirements: its alternatives of security schemes.
            address: its own base URL; empty if it is that of the description.

        Raises:
            NotImportable: it cannot become an action.
        """
        needs, scopes = self.needs(requirements)
        parameters = [each for each in self._parameters() if not is_credential(each)]
        config = without_credentials(self._config(parameters))
        if problem_with_action(config):
            config = with_simpler_parameters(config)
        if problem := problem_with_action(config):
            raise NotImportable(problem)
        return DraftAction(
            self._outline, config, self._description(), needs, address, notes=tuple(self._notes), scopes=scopes
        )

    def needs(self, requirements: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the schemes that it sends together, and the scopes that it needs."""
        needs, scopes = self._security.needs(requirements)
        return needs + self._security.of_parameters(self._parameters(), needs), scopes

    def _config(self, parameters: list[Node]) -> dict[str, Any]:
        schemas = SchemaReader(self._pointers)
        reader = ParameterReader(schemas, self._arguments, self._notes)
        path, fixed = reader.path(self._outline.path, parameters)
        needed = [each for each in parameters if each.get("required") is True]
        others = [each for each in parameters if each.get("required") is not True]
        query, headers = reader.query(needed), reader.headers(needed)
        body, of_body = BodyReader(schemas, self._arguments, self._notes).read(self._body())
        query, headers = [*query, *reader.query(others)], [*headers, *reader.headers(others)]
        return {
            "method": self._outline.method,
            "path": path,
            "query": [*fixed, *query],
            "headers": [*of_body, *headers, *self._accept()],
            "body": body,
            "parameters": self._arguments.declared(),
        }

    def _parameters(self) -> Iterator[Node]:
        """Yield the parameters; one that an operation declares itself replaces that of its path."""
        found: dict[tuple[Any, Any], Node] = {}
        for each in as_list(self._written.get("parameters")):
            parameter = self._pointers.follow(each)
            if isinstance(parameter.get("name"), str) and isinstance(parameter.get("in"), str):
                found[parameter["name"], parameter["in"]] = parameter
        yield from in_place(self._outline.path, list(found.values()))

    def _body(self) -> Node:
        if self._outline.method == "HEAD":
            return {}
        return self._pointers.follow(self._written.get("requestBody"))

    def _accept(self) -> Iterator[dict[str, str]]:
        """Yield the header that asks for JSON, where the API could answer with something else."""
        responses = as_object(self._written.get("responses"))
        good = [response for code, response in responses.items() if str(code).startswith("2")]
        offered = [*as_object(self._pointers.follow(good[0]).get("content"))] if good else []
        spoken = [name for name in offered if name == JSON or name.endswith("+json")]
        if spoken and offered != [JSON]:
            yield {"name": "Accept", "value": spoken[0]}

    def _description(self) -> str:
        said = [self._written.get("summary"), self._written.get("description")]
        old = "The API marks this as deprecated." if self._written.get("deprecated") is True else ""
        return texts.sentences([old, *said], texts.LONGEST_DESCRIPTION)
