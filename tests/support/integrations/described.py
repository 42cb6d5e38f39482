"""A stand-in made from the description of an API: it answers 200 to what the description allows, else 400 with why."""

import json
import re
import socket
from email.parser import BytesParser
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.peers.upstreams import http

NEVER_DECLARED = {"host", "user-agent", "accept", "accept-encoding", "content-length", "content-type", "connection"}
METHODS = {"get", "post", "put", "patch", "delete"}


class Described:
    """Answers by a description; `seen` are the operations that were called as they should be."""

    def __init__(self, document):
        self.document, self.seen = document, []
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:document", resource)
        servers = [each["url"] for each in document.get("servers", [])] or [f"x://x{document.get('basePath', '')}"]
        self.base = urlsplit(servers[0]).path.rstrip("/")

    def __call__(self, request: bytes, connection: socket.socket) -> None:
        try:
            self.check(request)
        except AssertionError as wrong:
            connection.sendall(http(str(wrong).encode(), status="400 Bad Request"))
        else:
            connection.sendall(http(b'{"ok": true}', headers=("Content-Type: application/json",)))

    def check(self, request):
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path, _, query = target.removeprefix(self.base).partition("?")
        template, values = self.route(method.lower(), path)
        pointer = ["paths", template, method.lower()]
        operation = self.at(pointer)
        parameters = list(self.parameters(template, pointer))
        self.check_credential(operation, headers, dict(parse_qsl(query)))
        self.check_path(parameters, values)
        self.check_query(parameters, parse_qsl(query, keep_blank_values=True))
        self.check_headers(parameters, headers)
        self.check_body(pointer, operation, headers.get("content-type", ""), body)
        self.seen.append(f"{method} {template}")

    def at(self, pointer):
        """What stands at a pointer, with references followed."""
        node = self.document
        for step in pointer:
            node = self.resolved(node)[step]
        return self.resolved(node)

    def resolved(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.at([step.replace("~1", "/") for step in node["$ref"].removeprefix("#/").split("/")])
        return node

    def route(self, method, path):
        found = []
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^}]+\\\}", "([^/]+)", re.escape(template))
            match = re.fullmatch(pattern, path)
            if match and method in item:
                names = re.findall(r"\{([^}]+)\}", template)
                found.append((template, dict(zip(names, map(unquote, match.groups()), strict=True))))
        assert found, f"No operation {method} {path}"
        return min(found, key=lambda each: len(each[1]))

    def parameters(self, template, pointer):
        for place in (["paths", template], pointer):
            for index in range(len(self.at(place).get("parameters", []))):
                where = [*place, "parameters", index]
                yield where, self.at(where)

    def check_path(self, parameters, values):
        declared = {each["name"]: (where, each) for where, each in parameters if each["in"] == "path"}
        assert declared.keys() == values.keys(), "parts of the path"
        for name, (where, each) in declared.items():
            self.check_texts(where, each, [values[name]])

    def check_query(self, parameters, sent):
        left = list(sent)
        for where, each in parameters:
            if each["in"] != "query":
                continue
            name = re.escape(each["name"])
            mine = [pair for pair in left if re.fullmatch(rf"{name}(\[\w*\])?", pair[0])]
            left = [pair for pair in left if pair not in mine]
            assert mine or not each.get("required"), f"{each['name']} is required"
            if mine and each.get("style") != "deepObject":
                self.check_texts(where, each, [value for _, value in mine])
        assert [pair[0] for pair in left if pair[0] not in self.keys("query")] == []

    def check_headers(self, parameters, headers):
        declared = {each["name"].lower(): each for _, each in parameters if each["in"] == "header"}
        for name, each in declared.items():
            is_credential = name in {"authorization", "token"} | self.keys("header")
            assert name in headers or not each.get("required") or is_credential, f"{name} is required"
        assert headers.keys() - declared.keys() - NEVER_DECLARED - self.keys("header") - {"authorization"} == set()

    def keys(self, place):
        """The names of credentials that go into this place."""
        schemes = self.document.get("securityDefinitions") or self.document.get("components", {}).get("securitySchemes")
        return {each["name"] for each in (schemes or {}).values() if each.get("in") == place}

    def check_credential(self, operation, headers, query):
        needed = operation.get("security", self.document.get("security", []))
        schemes = self.document.get("securityDefinitions") or self.document.get("components", {}).get("securitySchemes")
        sent = []
        for alternative in needed:
            for name in alternative:
                scheme = schemes[name]
                if scheme["type"] == "apiKey":
                    sent.append(scheme["name"] in (headers if scheme["in"] == "header" else query))
                else:
                    word = "Basic " if scheme.get("scheme") == "basic" else "Bearer "
                    sent.append(headers.get("authorization", "").startswith(word))
        assert any(sent) or not needed, "a credential is missing"

    def check_texts(self, where, parameter, texts):
        schema = self.resolved(parameter.get("schema", parameter))
        if schema.get("type") == "array":
            is_multi = parameter.get("collectionFormat") == "multi" or "schema" in parameter
            is_list = not parameter.get("explode", is_multi)
            texts, schema = texts[0].split(",") if is_list else texts, self.resolved(schema["items"])
        kinds = {"integer": int, "number": float, "boolean": lambda text: {"true": True, "false": False}[text]}
        for text in texts:
            try:
                value = kinds.get(schema.get("type"), str)(text)
            except (ValueError, KeyError):
                raise AssertionError(f"{parameter['name']} is not {schema['type']}") from None
            assert "enum" not in schema or value in schema["enum"], f"{parameter['name']}: {text}"
            assert re.search(schema.get("pattern", ""), text), f"{parameter['name']} does not match its pattern"

    def check_body(self, pointer, operation, media_type, body):
        bare = media_type.partition(";")[0]
        if "requestBody" in operation:
            content = self.at([*pointer, "requestBody"])["content"]
            if not body and not operation["requestBody"].get("required"):
                return
            assert bare in content, f"{bare} is none of {list(content)}"
            self.check_content([*pointer, "requestBody", "content", bare, "schema"], media_type, body)
            return
        declared = [(where, each) for where, each in self.parameters(pointer[1], pointer)]
        in_body = [where for where, each in declared if each["in"] == "body"]
        fields = {each["name"]: each for _, each in declared if each["in"] == "formData"}
        if in_body:
            consumes = operation.get("consumes", self.document.get("consumes", ["application/json"]))
            assert bare in consumes or "*/*" in consumes, f"{bare} is none of {consumes}"
            self.check_content([*in_body[0], "schema"], media_type, body)
        elif fields:
            sent = [name for name, _ in self.fields(media_type, body)]
            assert {name for name, each in fields.items() if each.get("required")} <= set(sent) <= fields.keys()
        else:
            assert not body, "no body"

    def check_content(self, pointer, media_type, body):
        if "json" in media_type:
            path = "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in pointer)
            validator = Draft202012Validator({"$ref": f"urn:document#/{path}"}, registry=self.registry)
            errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(body))]
            assert errors == [], errors
            return
        schema = self.at(pointer)
        names = {re.sub(r"(?<=\w)\[\w*\]$", "", name) for name, _ in self.fields(media_type, body)}
        known = {re.sub(r"\[\]$", "", name) for name in schema.get("properties", {})}
        assert set(schema.get("required", ())) <= names <= known, f"fields {names}"

    def fields(self, media_type, body):
        if media_type.startswith("multipart/"):
            message = BytesParser().parsebytes(f"Content-Type: {media_type}\r\n\r\n".encode() + body)
            return [(part.get_param("name", header="content-disposition"), part) for part in message.get_payload()]
        return parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))


def example_of(schema):
    """A value that a declaration of a parameter accepts."""
    if schema.get("format") == "file":
        return {"content": "aGVsbG8=", "name": "hello.txt"}
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return example_of(schema["anyOf"][0])
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {name: example_of(each) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema.get("items", {}))]
    return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True}.get(
        kind, _text(schema)
    )


def _text(schema):
    if schema.get("pattern", "").startswith("^AC"):
        return "AC" + "0" * 32
    return {"date-time": "2026-08-13T09:00:00Z", "uri": "https://example.com/a"}.get(schema.get("format"), "text")
