"""Shapes of published descriptions: large forms, deep schemas, and several ways to send a credential."""

import json

from integrations.importing.reading import read_draft

HEAD = {"openapi": "3.0.3", "info": {"title": "T"}, "servers": [{"url": "https://api.shop.example.com"}]}
FORM = "application/x-www-form-urlencoded"
TEXT = {"type": "string"}


def drafted(operation, path="/a", **document):
    """The draft of a description with one operation, and its action."""
    draft = read_draft(json.dumps({**HEAD, **document, "paths": {path: {"post": operation}}}))
    return draft, draft.build(draft.outlines[0])


def form_of(schema):
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def test_of_a_large_form_what_is_required_or_little_nested_is_kept():
    details = {"type": "object", "properties": {f"d{number}": TEXT for number in range(80)}}
    payer = {"type": "object", "required": ["id"], "properties": {"id": TEXT, "phone": TEXT}}
    members = {"details": details, "payer": payer, "currency": TEXT, "receipt": TEXT}
    _, action = drafted(form_of({"type": "object", "required": ["currency", "payer"], "properties": members}))
    names = [each["name"] for each in action.config["body"]["content"]]
    assert names[:5] == ["currency", "payer[id]", "receipt", "payer[phone]", "details[d0]"]
    assert len(names) == 64
    assert action.config["parameters"]["required"] == ["currency", "payer_id"]
    assert action.notes == (
        "20 fields were left out, for an action has at most 64 parameters: details[d60], details[d61], details[d62], …",
    )


def test_a_form_that_grows_without_end_is_read_to_a_bound():
    to_tree = {"$ref": "#/components/schemas/Tree"}
    tree = {"type": "object", "properties": {f"t{number}": to_tree for number in range(500)}}
    _, action = drafted(form_of(to_tree), components={"schemas": {"Tree": tree}})
    assert (action.problem, action.notes, action.config["body"]["content"]) == ("", (), [])


def declared(schema, **schemas):
    """The declaration of a member of a JSON body."""
    body = {"type": "object", "properties": {"it": schema}}
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}}
    _, action = drafted(operation, components={"schemas": schemas})
    return action.config["parameters"]["properties"]["it"]


def test_what_is_required_deep_inside_of_alternatives_is_kept():
    line = {"type": "object", "required": ["sku"], "properties": {"sku": TEXT}}
    parcel = {"type": "object", "properties": {"lines": {"type": "array", "items": {"oneOf": [line, TEXT]}}}}
    kept = declared(
        {"oneOf": [{"type": "object", "properties": {"parcels": {"type": "array", "items": parcel}}}, TEXT]}
    )
    parcels = kept["anyOf"][0]["properties"]["parcels"]
    assert parcels["items"]["properties"]["lines"]["items"]["anyOf"][0] == line


def test_a_schema_without_end_is_kept_as_deep_as_a_declaration_may_be():
    to_filter = {"$ref": "#/components/schemas/Filter"}
    both = {"type": "array", "items": {"anyOf": [to_filter, TEXT]}}
    kept = declared(to_filter, Filter={"type": "object", "required": ["all"], "properties": {"all": both}})
    for _ in range(2):
        assert kept["required"] == ["all"]
        kept = kept["properties"]["all"]["items"]["anyOf"][0]
    assert kept["properties"]["all"] == {"type": "array", "items": {}}


def test_alternatives_that_are_constants_are_an_enumeration():
    kinds = [{"const": 0, "title": "Text"}, {"const": 1, "title": "Voice"}]
    maybe = {"oneOf": [{"type": "null"}, {"type": "integer", "oneOf": kinds}]}
    said = {"description": "0: Text, 1: Voice."}
    assert declared(maybe) == {"type": ["integer", "null"], "enum": [0, 1, None]} | said
    assert declared({"anyOf": [{"type": "string", "const": "a"}, {"type": "string", "const": "b", "title": "B"}]}) == {
        "type": "string",
        "enum": ["a", "b"],
    }
    one_of_them = {"enum": [1], "allOf": [{"type": "integer", "oneOf": kinds}]}
    assert declared(one_of_them) == {"type": "integer", "enum": [1]} | said
    assert declared({"anyOf": [{"const": "a"}, {"type": "integer"}]}) == {
        "anyOf": [{"enum": ["a"]}, {"type": "integer"}]
    }


def test_a_member_that_leads_nowhere_accepts_everything():
    lost = {"$ref": "#/components/schemas/Lost"}
    assert declared(lost) == {}
    schema = {"type": "object", "properties": {"a": TEXT, "b": lost, "c": {"type": "array", "items": lost}}}
    assert declared(schema)["properties"] == {"a": TEXT, "b": {}, "c": {"type": "array", "items": {}}}


BASIC, BEARER = {"type": "http", "scheme": "basic"}, {"type": "http", "scheme": "bearer"}
KEY = {"type": "apiKey", "in": "header", "name": "Authorization"}
BY_TOKEN = KEY | {"description": "Send `Authorization: Token <key>`"}
PERSONAL = {"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "https://shop.example.com/token"}}}


def test_of_equal_ways_to_sign_in_a_token_is_taken_before_user_name_and_password():
    either, schemes = [{"basic": []}, {"other": []}], {"basic": BASIC, "other": BEARER}
    assert drafted({}, security=either, components={"securitySchemes": schemes})[1].needs == ("other",)
    schemes["other"] = PERSONAL
    assert drafted({}, security=either, components={"securitySchemes": schemes})[1].needs == ("basic",)


def test_a_credential_among_the_parameters_is_that_of_a_scheme_that_sends_it():
    asked = {"parameters": [{"name": "Authorization", "in": "header", "description": BY_TOKEN["description"]}]}
    draft, action = drafted(asked, components={"securitySchemes": {"jwt": BEARER, "key": BY_TOKEN}})
    assert (list(draft.schemes), action.needs) == (["jwt", "key"], ("key",))
    asked["parameters"][0].pop("description")
    assert drafted(asked, components={"securitySchemes": {"jwt": BEARER}})[1].needs == ("jwt",)
    in_query = {"parameters": [{"name": "api_key", "in": "query"}]}
    schemes = {"jwt": BEARER, "key": {"type": "apiKey", "in": "query", "name": "api_key"}}
    assert drafted(in_query, components={"securitySchemes": schemes})[1].needs == ("key",)
    assert drafted(in_query, components={"securitySchemes": {"jwt": BEARER}})[1].needs == ("query api_key",)


def test_a_key_in_authorization_without_a_known_word_says_where_the_word_goes():
    schemes = drafted({}, components={"securitySchemes": {"key": KEY, "token": BY_TOKEN}})[0].schemes
    assert "as part of the value" in schemes["key"].note
    assert schemes["token"].note == ""


def test_a_part_of_the_path_that_is_declared_as_query_goes_into_the_path_only():
    parameters = [{"name": "job", "in": "query", "required": True, "schema": {"type": "string", "format": "uuid"}}]
    _, action = drafted({"parameters": parameters}, path="/jobs/{job}")
    assert (action.config["path"], action.config["query"]) == ("/jobs/{params.job}", [])
    assert action.config["parameters"]["properties"] == {"job": {"type": "string", "format": "uuid"}}
