"""Descriptions in the manner of ten makers become actions that run against a stand-in made from the same description.

The documents are our own writing. Each has the shapes and the oddities of documents that are published.
"""

import json
import re
from pathlib import Path

import pytest

from accounts.common.documents import read_document
from accounts.common.environments import Environment
from integrations.importing.making import make_import
from integrations.importing.plan import ImportOptions
from integrations.importing.reading import read_draft
from integrations.models import ImportedAction, Integration
from secrets_app.editing.edits import SecretChanges
from secrets_app.editing.secrets import update_secret
from secrets_app.plaintext import Plaintext
from tests.peers.upstreams import answering
from tests.support.integrations.described import Described, example_of
from tests.support.things import VALUE

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]

S = Environment.STAGING
DOCUMENTS = sorted((Path(__file__).parent / "documents").iterdir())
ADDRESS = re.compile(r"(https://[a-z.]*example\.com|https://\{subdomain\}\.\{domain\}\.com)")


def imported(actor, text):
    """Everything that a text describes, in Staging, with values."""
    draft = read_draft(text)
    options = ImportOptions([each.key for each in draft.outlines], environments=frozenset({S}))
    result = make_import(actor=actor, draft=draft, options=options)
    for secret in result.secrets:
        update_secret(actor=actor, secret_id=secret.pk, changes=SecretChanges(values={S: Plaintext(VALUE)}))
    return result


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_all_operations_run_as_described(owner, run, path):
    written = path.read_text()
    stand_in = Described(json.loads(json.dumps(read_document(written).content)))
    with answering(stand_in) as url:
        if path.suffix == ".json":
            document = json.loads(written)
            document |= {"host": url.partition("://")[2], "schemes": ["http"]} if "host" in document else {}
            written = json.dumps(document)
        text = ADDRESS.sub(url, written)
        result = imported(owner, text)
        for action in result.actions:
            declared = action.config["parameters"]
            everything = {name: example_of(schema) for name, schema in declared["properties"].items()}
            required = {name: everything[name] for name in declared.get("required", ())}
            for arguments in (everything, required):
                answer = run(owner, action, S, "call", arguments).answer
                assert (action.name, answer.body, answer.status) == (action.name, {"ok": True}, 200)
    keys = set(ImportedAction.objects.values_list("operation", flat=True))
    assert set(stand_in.seen) == keys
    assert len(keys) == len(result.actions) == Integration.objects.filter(kind="api_action").count()
