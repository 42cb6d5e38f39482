"""The main job with the client of openapi-python-client: store a secret, use it, and see its value masked.

usage: python main_job_of_python.py ADDRESS API_KEY UPSTREAM
"""

import json
import sys

from coffer_api import AuthenticatedClient
from coffer_api.api.integrations import create_integration, run_integration
from coffer_api.api.secrets import create_secret, get_secret_by_name
from coffer_api.models.api_action_config import ApiActionConfig
from coffer_api.models.api_action_config_method import ApiActionConfigMethod
from coffer_api.models.api_action_integration_in import ApiActionIntegrationIn
from coffer_api.models.api_action_integration_out import ApiActionIntegrationOut
from coffer_api.models.api_connection_config import ApiConnectionConfig
from coffer_api.models.api_connection_integration_in import ApiConnectionIntegrationIn
from coffer_api.models.api_connection_integration_out import ApiConnectionIntegrationOut
from coffer_api.models.environment import Environment
from coffer_api.models.name_and_value import NameAndValue
from coffer_api.models.problem_out import ProblemOut
from coffer_api.models.run_in import RunIn
from coffer_api.models.run_result_out import RunResultOut
from coffer_api.models.saved_secret_out import SavedSecretOut
from coffer_api.models.secret_in import SecretIn

STAGING = [Environment.STAGING]


def main(address: str, key: str, upstream: str) -> None:
    """Do the job and print what came back."""
    client = AuthenticatedClient(base_url=address, token=key)
    stored = create_secret.sync(client=client, body=SecretIn(name="python.token", value="of-the-client-of-python"))
    assert isinstance(stored, SavedSecretOut)
    header = NameAndValue(name="Authorization", value="Bearer {secrets.python.token}")
    connection = create_integration.sync(
        client=client,
        body=ApiConnectionIntegrationIn(
            kind="api_connection",
            name="Connection of python",
            environments=STAGING,
            config=ApiConnectionConfig(base_url=upstream, headers=[header]),
        ),
    )
    assert isinstance(connection, ApiConnectionIntegrationOut)
    action = create_integration.sync(
        client=client,
        body=ApiActionIntegrationIn(
            kind="api_action",
            name="Action of python",
            environments=STAGING,
            config=ApiActionConfig(connection=connection.id, method=ApiActionConfigMethod.GET, path="/patients"),
        ),
    )
    assert isinstance(action, ApiActionIntegrationOut)
    result = run_integration.sync(action.id, client=client, body=RunIn(environment=Environment.STAGING))
    assert isinstance(result, RunResultOut)
    refused = get_secret_by_name.sync("nothing", client=client)
    assert isinstance(refused, ProblemOut)
    sys.stdout.write(json.dumps({"masked": result.masked, "body": result.body, "code": refused.code}))


if __name__ == "__main__":
    main(*sys.argv[1:])
