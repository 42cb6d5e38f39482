"""The catalogue of services: each file follows the schema, and what it fills in is valid and goes where it says."""

import pytest
from pydantic import ValidationError

from integrations.egress.policy import EgressPolicy, admit_url
from integrations.kinds import KINDS
from integrations.known_services.catalogue import ACTION, CATEGORIES, KnownService, service_at, services
from integrations.paste_guard import detection
from integrations.templating.json_body import parse_json_body
from secrets_app.known_services.files import FOLDER, service_files
from secrets_app.naming.domains import allows, clean_domain

EACH = pytest.mark.parametrize("service", services(), ids=lambda service: service.key)
CONNECTION_ID = "11111111-2222-3333-4444-555555555555"


def test_there_are_at_least_forty_in_all_categories():
    assert len(services()) >= 40
    assert {service.category for service in services()} == set(CATEGORIES)
    assert {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(CATEGORIES)


def test_every_file_follows_the_schema_and_its_key_is_its_own():
    """Those without a connection too, of which only the hosts are read."""
    read = [KnownService(key=file.key, category=file.category, **file.content) for file in service_files()]
    assert len({service.key for service in read}) == len({service.name for service in read}) == len(read)
    assert all(service.connection or service.hosts for service in read)
    assert all(bool(service.hosts) == bool(service.names) for service in read)


@EACH
def test_configurations_are_valid_and_go_to_public_hosts_that_the_domains_allow(service):
    assert [clean_domain(host, operator_hosts=False) for host in service.hosts] == list(service.hosts)
    for kind, given in service.configs.items():
        config = KINDS[kind].parse_config(given)
        hosts = [admit_url(place.url, EgressPolicy()).raw_host for place in KINDS[kind].destinations(config)]
        assert not service.hosts or all(allows(list(service.hosts), host) for host in hosts)
        assert service.hosts or all(service.tenant in host for host in hosts)
    named = [slot for kind, given in service.configs.items() for slot in KINDS[kind].slots(KINDS[kind].read(given))]
    assert any(slot.template.secret_names for slot in named)
    assert service.tenant in str(service.configs)
    assert detection.find(service.name, "", service.configs) == []


@EACH
def test_operations_are_actions_whose_arguments_are_their_parameters(service):
    assert len({operation.key for operation in service.operations}) == len(service.operations)
    for operation in service.operations:
        config = KINDS[ACTION].parse_config({"connection": CONNECTION_ID, **operation.config})
        used = {name for slot in KINDS[ACTION].slots(config) for name in slot.template.param_names}
        assert used == set(config.parameters.get("properties", {}))
        if config.body.type == "json":
            assert parse_json_body(config.body.content)


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        ("https://api.openai.com", "openai"),
        ("https://api.openai.com/", "openai"),
        ("https://harbor.zendesk.com", "zendesk"),
        ("https://a.b.zendesk.com", None),
        ("https://api.openai.com.example.com", None),
        ("https://apixopenai.com", None),
        ("https://api.openai.com/v1", None),
    ],
)
def test_a_connection_is_recognized_by_its_base_url(base_url, key):
    found = service_at(base_url)
    assert (found.key if found else None) == key


def test_a_file_with_an_unknown_field_or_without_a_source_is_refused():
    for faulty in ({"sources": "https://example.com/docs"}, {"source": "http://example.com/docs"}, {}):
        with pytest.raises(ValidationError):
            KnownService.model_validate({"key": "x", "category": "speech", "name": "X", **faulty})
