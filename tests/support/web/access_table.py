"""Who may use which route: the table of every route, and things for the parts of a route's pattern."""

import re
from uuid import uuid4

from accounts.common.environments import Environment
from accounts.models import ApiKey, Invitation
from secrets_app.requests.answering import ask
from tests import factories
from tests.support.databases.undone import undone
from tests.support.invited import invited
from tests.support.things import endpoint_with_delivery, key_for, make_action, make_import_of, store_secret
from tests.support.web.api_access import OPERATIONS

CALLERS = ["owner", "admin", "member", "outsider", "anonymous", "key"]
SECRETS, INTEGRATIONS = "o/<slug:slug>/secrets/", "o/<slug:slug>/integrations/"
RUNS, RUN = "o/<slug:slug>/runs/", "o/<slug:slug>/runs/<uuid:run_id>/"
API_KEYS, AGENTS, MEMBERS = "o/<slug:slug>/api-keys/", "o/<slug:slug>/agents/", "o/<slug:slug>/members/"
APPROVALS, APPROVAL = "o/<slug:slug>/approvals/", "o/<slug:slug>/approvals/<uuid:approval_id>/"
OVERVIEW = "o/<slug:slug>/overview/"
INVITATION, LINK = "o/<slug:slug>/invitations/<uuid:invitation_id>/", "invitations/<str:token>/"
SECRET, INTEGRATION = SECRETS + "<uuid:secret_id>/", INTEGRATIONS + "<uuid:integration_id>/"
WEBHOOK = "o/<slug:slug>/webhooks/<uuid:endpoint_id>/"
DELIVERY = WEBHOOK + "deliveries/<uuid:delivery_id>/"
IMPORT = INTEGRATIONS + "import/<uuid:import_id>/"
ROTATE = SECRET + "rotate/"
ROTATION_IDS = {"environment": "staging", "reference_id": uuid4()}

# Method and pattern: owner, admin, member, outsider, anonymous, API key
TABLE = {
    # anybody
    ("GET", "healthz"): (200, 200, 200, 200, 200, 200),
    ("GET", "readyz"): (200, 200, 200, 200, 200, 200),
    ("GET", "metrics"): (404, 404, 404, 404, 404, 404),
    ("GET", "api/v1/openapi.json"): (200, 200, 200, 200, 200, 200),
    ("GET", "api/v1/configuration.schema.json"): (200, 200, 200, 200, 200, 200),
    ("GET", "api/v1/configuration"): (401, 401, 401, 401, 401, 200),
    ("POST", "api/v1/configuration/plan"): (401, 401, 401, 401, 401, 422),
    ("POST", "api/v1/configuration/apply"): (401, 401, 401, 401, 401, 422),
    ("GET", "api/v1/docs"): (200, 200, 200, 200, 200, 200),
    ("GET", "api/v1/"): (404, 404, 404, 404, 404, 404),
    ("GET", "mcp"): (405, 405, 405, 405, 405, 405),
    ("GET", "mcp/"): (405, 405, 405, 405, 405, 405),
    ("POST", "mcp"): (401, 401, 401, 401, 401, 403),  # sessions count for nothing; the key has three environments
    ("POST", "mcp/"): (401, 401, 401, 401, 401, 403),
    ("GET", "signin/"): (302, 302, 302, 302, 200, 200),
    ("POST", "signin/"): (302, 302, 302, 302, 200, 200),
    # signing in, with nothing under way
    ("GET", "password/"): (200, 200, 200, 200, 200, 200),
    ("POST", "password/"): (200, 200, 200, 200, 200, 200),
    ("GET", "password/code/"): (302, 302, 302, 302, 302, 302),
    ("POST", "password/code/"): (302, 302, 302, 302, 302, 302),
    ("GET", "password/done/"): (200, 200, 200, 200, 200, 200),
    ("POST", "password/done/"): (405, 405, 405, 405, 405, 405),
    ("GET", "password/new/"): (302, 302, 302, 302, 302, 302),
    ("POST", "password/new/"): (302, 302, 302, 302, 302, 302),
    ("GET", "signin/cancelled/"): (200, 200, 200, 200, 200, 200),
    ("POST", "signin/cancelled/"): (405, 405, 405, 405, 405, 405),
    ("GET", "signin/code/"): (302, 302, 302, 302, 200, 200),
    ("POST", "signin/code/"): (302, 302, 302, 302, 200, 200),
    ("GET", "signin/code/confirm/"): (302, 302, 302, 302, 302, 302),
    ("POST", "signin/code/confirm/"): (302, 302, 302, 302, 302, 302),
    ("GET", "signin/failed/"): (401, 401, 401, 401, 401, 401),
    ("POST", "signin/failed/"): (405, 405, 405, 405, 405, 405),
    ("GET", "signin/inactive/"): (200, 200, 200, 200, 200, 200),
    ("POST", "signin/inactive/"): (405, 405, 405, 405, 405, 405),
    ("GET", "signin/new/"): (302, 302, 302, 302, 302, 302),
    ("POST", "signin/new/"): (302, 302, 302, 302, 302, 302),
    ("GET", "signin/passkey/"): (302, 302, 302, 302, 302, 302),
    ("POST", "signin/passkey/"): (302, 302, 302, 302, 302, 302),
    ("GET", "signin/second/"): (302, 302, 302, 302, 302, 302),
    ("POST", "signin/second/"): (302, 302, 302, 302, 302, 302),
    ("GET", "signin/with/<slug:provider_id>/"): (404, 404, 404, 404, 404, 404),
    ("POST", "signin/with/<slug:provider_id>/"): (404, 404, 404, 404, 404, 404),
    ("GET", "signin/with/<slug:provider_id>/back/"): (404, 404, 404, 404, 404, 404),
    ("POST", "signin/with/<slug:provider_id>/back/"): (404, 404, 404, 404, 404, 404),
    ("GET", "signup/"): (302, 302, 302, 302, 200, 200),
    ("POST", "signup/"): (302, 302, 302, 302, 200, 200),
    ("GET", "signup/code/"): (302, 302, 302, 302, 302, 302),
    ("POST", "signup/code/"): (302, 302, 302, 302, 302, 302),
    # anybody who is signed in
    ("GET", ""): (302, 302, 302, 302, 302, 302),
    ("GET", "proof/"): (200, 200, 200, 200, 302, 302),
    ("POST", "proof/"): (422, 422, 422, 422, 302, 302),
    ("GET", "signout/"): (200, 200, 200, 200, 302, 302),
    ("POST", "signout/"): (302, 302, 302, 302, 302, 302),
    # their own account, of people with neither password nor second factor
    ("GET", "account/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/"): (405, 405, 405, 405, 302, 302),
    ("GET", "account/app/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/app/"): (200, 200, 200, 200, 302, 302),
    ("GET", "account/app/remove/"): (404, 404, 404, 404, 302, 302),
    ("POST", "account/app/remove/"): (404, 404, 404, 404, 302, 302),
    ("GET", "account/connections/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/connections/"): (200, 200, 200, 200, 302, 302),
    ("GET", "account/email/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/email/"): (302, 302, 302, 302, 302, 302),
    ("GET", "account/passkeys/"): (302, 302, 302, 302, 302, 302),
    ("POST", "account/passkeys/"): (302, 302, 302, 302, 302, 302),
    ("GET", "account/passkeys/<int:pk>/"): (404, 404, 404, 404, 302, 302),
    ("POST", "account/passkeys/<int:pk>/"): (404, 404, 404, 404, 302, 302),
    ("GET", "account/passkeys/<int:pk>/remove/"): (404, 404, 404, 404, 302, 302),
    ("POST", "account/passkeys/<int:pk>/remove/"): (404, 404, 404, 404, 302, 302),
    ("GET", "account/passkeys/new/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/passkeys/new/"): (200, 200, 200, 200, 302, 302),
    ("GET", "account/password/"): (302, 302, 302, 302, 302, 302),
    ("POST", "account/password/"): (302, 302, 302, 302, 302, 302),
    ("GET", "account/password/set/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/password/set/"): (200, 200, 200, 200, 302, 302),
    ("GET", "account/recovery-codes/"): (404, 404, 404, 404, 302, 302),
    ("POST", "account/recovery-codes/"): (405, 405, 405, 405, 302, 302),
    ("GET", "account/recovery-codes/new/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/recovery-codes/new/"): (200, 200, 200, 200, 302, 302),
    ("GET", "account/sessions/"): (200, 200, 200, 200, 302, 302),
    ("POST", "account/sessions/"): (302, 302, 302, 302, 302, 302),
    ("GET", "account/sessions/<int:pk>/end/"): (405, 405, 405, 405, 302, 302),
    ("POST", "account/sessions/<int:pk>/end/"): (404, 404, 404, 404, 302, 302),
    ("GET", "organizations/new/"): (200, 200, 200, 200, 302, 302),
    ("POST", "organizations/new/"): (422, 422, 422, 422, 302, 302),
    # secrets
    ("GET", SECRETS): (200, 200, 200, 404, 302, 302),
    ("GET", SECRETS + "new/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRETS + "new/"): (422, 422, 403, 404, 302, 302),
    ("GET", SECRETS + "hygiene/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "hygiene/compare/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRETS + "hygiene/compare/"): (200, 429, 403, 404, 302, 302),  # once in a while: the owner was first
    ("GET", SECRETS + "import/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRETS + "import/"): (422, 422, 403, 404, 302, 302),
    ("GET", SECRETS + "requests/"): (200, 200, 200, 404, 302, 302),
    ("GET", SECRETS + "requests/new/"): (200, 200, 200, 404, 302, 302),
    ("POST", SECRETS + "requests/new/"): (422, 422, 422, 404, 302, 302),
    ("GET", SECRETS + "requests/check-name/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRETS + "requests/check-name/"): (200, 200, 200, 404, 302, 302),
    ("GET", SECRETS + "requests/<uuid:request_id>/dismiss/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRETS + "requests/<uuid:request_id>/dismiss/"): (422, 422, 403, 404, 302, 302),
    ("GET", SECRETS + "suggestions/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "counts/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "switch/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRETS + "switch/"): (422, 422, 403, 404, 302, 302),
    ("GET", SECRETS + "check-name/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRETS + "check-name/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "hosts/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "hygiene/count/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRETS + "check/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRETS + "check/"): (204, 204, 403, 404, 302, 302),
    ("GET", SECRET + "check/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRET + "check/"): (204, 204, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/find/"): (200, 200, 200, 404, 302, 302),
    ("GET", SECRET + "values/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET + "activity/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET + "replace/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRET + "replace/"): (422, 422, 403, 404, 302, 302),
    ("GET", SECRET + "details/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET + "edit/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRET + "edit/"): (302, 302, 403, 404, 302, 302),
    ("GET", SECRET + "rename-impact/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRET + "rename-impact/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET + "enable/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRET + "enable/"): (303, 303, 403, 404, 302, 302),
    ("GET", INTEGRATION + "menu/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION + "disable/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "disable/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION + "enable/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "enable/"): (303, 303, 403, 404, 302, 302),
    ("GET", SECRET + "disable/"): (405, 405, 405, 405, 302, 302),
    ("POST", SECRET + "disable/"): (303, 303, 403, 404, 302, 302),
    ("GET", SECRET + "delete/"): (200, 200, 403, 404, 302, 302),
    ("POST", SECRET + "delete/"): (422, 422, 403, 404, 302, 302),
    # rotation of a secret of which nothing is staged
    ("GET", ROTATE): (200, 200, 403, 404, 302, 302),
    ("POST", ROTATE): (422, 422, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/window/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/check/"): (405, 405, 405, 405, 302, 302),
    ("POST", ROTATE + "<str:environment>/check/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/check/<uuid:reference_id>/"): (405, 405, 405, 405, 302, 302),
    ("POST", ROTATE + "<str:environment>/check/<uuid:reference_id>/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/promote/"): (303, 303, 403, 404, 302, 302),
    ("POST", ROTATE + "<str:environment>/promote/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/rollback/"): (405, 405, 405, 405, 302, 302),
    ("POST", ROTATE + "<str:environment>/rollback/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/finish/"): (405, 405, 405, 405, 302, 302),
    ("POST", ROTATE + "<str:environment>/finish/"): (303, 303, 403, 404, 302, 302),
    ("GET", ROTATE + "<str:environment>/discard/"): (405, 405, 405, 405, 302, 302),
    ("POST", ROTATE + "<str:environment>/discard/"): (303, 303, 403, 404, 302, 302),
    # integrations
    ("GET", INTEGRATIONS): (200, 200, 200, 404, 302, 302),
    ("GET", INTEGRATIONS + "suggestions/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "counts/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "readiness/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "import/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATIONS + "import/"): (422, 422, 403, 404, 302, 302),
    ("GET", IMPORT): (200, 200, 403, 404, 302, 302),
    ("POST", IMPORT): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "new/<str:kind>/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATIONS + "new/<str:kind>/"): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "new/<str:kind>/pasted/"): (303, 303, 403, 404, 302, 302),
    ("POST", INTEGRATIONS + "new/<str:kind>/pasted/"): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "new/<str:kind>/domain-check/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATIONS + "new/<str:kind>/domain-check/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATION + "pasted/"): (303, 303, 403, 404, 302, 302),
    ("POST", INTEGRATION + "pasted/"): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATION + "delete/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION + "delete/"): (303, 303, 403, 404, 302, 302),
    ("GET", INTEGRATION + "duplicate/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "duplicate/"): (303, 303, 403, 404, 302, 302),
    ("GET", INTEGRATION + "arguments/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION + "check/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "check/"): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATIONS + "unasked/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION + "rules/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION + "rules/"): (412, 412, 403, 404, 302, 302),
    ("GET", INTEGRATION + "rules/try/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "rules/try/"): (200, 200, 403, 404, 302, 302),
    ("GET", INTEGRATION + "agent-tools/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION + "agent-tools/"): (422, 422, 403, 404, 302, 302),
    ("GET", INTEGRATION + "agent-tools/<uuid:tool_id>/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION + "agent-tools/<uuid:tool_id>/"): (422, 422, 403, 404, 302, 302),
    # of an action, which offers no tools
    ("GET", INTEGRATION + "tools/"): (404, 404, 403, 404, 302, 302),
    ("GET", INTEGRATION + "tools/list/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "tools/list/"): (404, 404, 403, 404, 302, 302),
    ("GET", INTEGRATION + "tools/only-approved/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "tools/only-approved/"): (404, 404, 403, 404, 302, 302),
    ("GET", INTEGRATION + "tools/approve/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "tools/approve/"): (404, 404, 403, 404, 302, 302),
    ("GET", INTEGRATION + "tools/withdraw/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "tools/withdraw/"): (404, 404, 403, 404, 302, 302),
    ("GET", INTEGRATION + "test/"): (405, 405, 405, 405, 302, 302),
    ("POST", INTEGRATION + "test/"): (422, 422, 403, 404, 302, 302),
    # people and rules of the organization
    ("GET", MEMBERS): (200, 200, 403, 404, 302, 302),
    ("GET", MEMBERS + "invite/"): (200, 200, 403, 404, 302, 302),
    ("POST", MEMBERS + "invite/"): (422, 422, 403, 404, 302, 302),
    ("GET", MEMBERS + "<uuid:membership_id>/role/"): (200, 200, 403, 404, 302, 302),
    ("POST", MEMBERS + "<uuid:membership_id>/role/"): (422, 422, 403, 404, 302, 302),
    ("GET", MEMBERS + "<uuid:membership_id>/remove/"): (200, 200, 403, 404, 302, 302),
    ("POST", MEMBERS + "<uuid:membership_id>/remove/"): (303, 303, 403, 404, 302, 302),
    ("GET", INVITATION + "renew/"): (405, 405, 405, 405, 302, 302),
    ("POST", INVITATION + "renew/"): (303, 303, 403, 404, 302, 302),
    ("GET", INVITATION + "approve/"): (405, 405, 405, 405, 302, 302),
    ("POST", INVITATION + "approve/"): (404, 403, 403, 404, 302, 302),
    ("GET", INVITATION + "withdraw/"): (405, 405, 405, 405, 302, 302),
    ("POST", INVITATION + "withdraw/"): (303, 303, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/leave/"): (200, 200, 200, 404, 302, 302),
    ("POST", "o/<slug:slug>/leave/"): (422, 303, 303, 404, 302, 302),  # the only owner stays
    ("GET", "o/<slug:slug>/settings/"): (200, 403, 403, 404, 302, 302),
    ("POST", "o/<slug:slug>/settings/"): (422, 403, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/stop/"): (200, 200, 403, 404, 302, 302),
    ("POST", "o/<slug:slug>/stop/"): (422, 422, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/start/"): (405, 405, 405, 405, 302, 302),
    ("POST", "o/<slug:slug>/start/"): (303, 303, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/settings/domains/"): (405, 405, 405, 405, 302, 302),
    ("POST", "o/<slug:slug>/settings/domains/"): (303, 403, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/settings/delete/"): (200, 403, 403, 404, 302, 302),
    ("POST", "o/<slug:slug>/settings/delete/"): (422, 403, 403, 404, 302, 302),
    # the link of an invitation, for an address that is none of theirs
    ("GET", LINK): (200, 200, 200, 200, 200, 200),
    ("GET", LINK + "accept/"): (405, 405, 405, 405, 302, 302),
    ("POST", LINK + "accept/"): (403, 403, 403, 403, 302, 302),
    ("GET", LINK + "account/"): (405, 405, 405, 405, 405, 405),
    ("POST", LINK + "account/"): (303, 303, 303, 303, 422, 422),
    # the overview
    ("GET", OVERVIEW): (200, 200, 403, 404, 302, 302),
    ("GET", OVERVIEW + "figures/"): (200, 200, 403, 404, 302, 302),
    ("GET", OVERVIEW + "steps/"): (204, 204, 403, 404, 302, 302),
    ("GET", OVERVIEW + "hide-steps/"): (405, 405, 405, 405, 302, 302),
    ("POST", OVERVIEW + "hide-steps/"): (303, 303, 403, 404, 302, 302),
    # approvals; the call that is named is of an integration that is gone, and of a colleague to decide
    ("GET", APPROVALS): (200, 200, 200, 404, 302, 302),
    ("GET", APPROVALS + "held/"): (303, 303, 303, 404, 302, 302),
    ("GET", APPROVALS + "decided/"): (200, 200, 200, 404, 302, 302),
    ("GET", APPROVAL): (200, 200, 200, 404, 302, 302),
    ("GET", APPROVAL + "approve/"): (405, 405, 405, 405, 302, 302),
    ("POST", APPROVAL + "approve/"): (409, 409, 404, 404, 302, 302),
    ("GET", APPROVAL + "allow/"): (200, 200, 404, 404, 302, 302),
    ("POST", APPROVAL + "allow/"): (422, 422, 404, 404, 302, 302),
    ("GET", APPROVAL + "deny/"): (200, 200, 404, 404, 302, 302),
    ("POST", APPROVAL + "deny/"): (303, 303, 404, 404, 302, 302),
    # the audit log
    ("GET", "o/<slug:slug>/audit/"): (200, 200, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/audit/csv/"): (200, 200, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/audit/jsonl/"): (200, 200, 403, 404, 302, 302),
    # runs; the one that is named is a check, whose integration has none any more
    ("GET", RUNS): (200, 200, 403, 404, 302, 302),
    ("GET", RUNS + "new/"): (200, 200, 403, 404, 302, 302),
    ("GET", RUNS + "csv/"): (200, 200, 403, 404, 302, 302),
    ("GET", RUNS + "jsonl/"): (200, 200, 403, 404, 302, 302),
    ("GET", RUN): (200, 200, 403, 404, 302, 302),
    ("GET", RUN + "trace/"): (303, 303, 403, 404, 302, 302),
    ("GET", RUN + "again/"): (405, 405, 405, 405, 302, 302),
    ("POST", RUN + "again/"): (303, 303, 403, 404, 302, 302),
    ("GET", INTEGRATION + "runs/"): (200, 200, 403, 404, 302, 302),
    ("GET", SECRET + "runs/"): (200, 200, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/runs/"): (200, 200, 403, 404, 302, 302),
    # API keys
    ("GET", API_KEYS): (200, 200, 403, 404, 302, 302),
    ("GET", API_KEYS + "new/"): (200, 200, 403, 404, 302, 302),
    ("POST", API_KEYS + "new/"): (422, 422, 403, 404, 302, 302),
    ("GET", API_KEYS + "new/integrations/"): (405, 405, 405, 405, 302, 302),
    ("POST", API_KEYS + "new/integrations/"): (303, 303, 403, 404, 302, 302),
    ("GET", AGENTS + "connect/"): (200, 200, 403, 404, 302, 302),
    ("POST", AGENTS + "connect/"): (422, 422, 403, 404, 302, 302),
    ("GET", AGENTS + "connect/tools/"): (405, 405, 405, 405, 302, 302),
    ("POST", AGENTS + "connect/tools/"): (303, 303, 403, 404, 302, 302),
    ("GET", AGENTS + "connect/<uuid:key_id>/"): (200, 200, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/"): (200, 200, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/sessions/"): (200, 200, 403, 404, 302, 302),
    ("GET", API_KEYS + "sessions/<uuid:session_id>/stop/"): (405, 405, 405, 405, 302, 302),
    ("POST", API_KEYS + "sessions/<uuid:session_id>/stop/"): (303, 303, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/budget/"): (200, 200, 403, 404, 302, 302),
    ("POST", API_KEYS + "<uuid:key_id>/budget/"): (303, 303, 403, 404, 302, 302),
    ("GET", INTEGRATION + "budget/"): (200, 200, 403, 404, 302, 302),
    ("POST", INTEGRATION + "budget/"): (303, 303, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/stop/"): (200, 200, 403, 404, 302, 302),
    ("POST", API_KEYS + "<uuid:key_id>/stop/"): (422, 422, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/lift/"): (405, 405, 405, 405, 302, 302),
    ("POST", API_KEYS + "<uuid:key_id>/lift/"): (303, 303, 403, 404, 302, 302),
    ("GET", API_KEYS + "<uuid:key_id>/revoke/"): (200, 200, 403, 404, 302, 302),
    ("POST", API_KEYS + "<uuid:key_id>/revoke/"): (303, 303, 403, 404, 302, 302),
    # alerts
    ("GET", "o/<slug:slug>/alerts/"): (200, 200, 403, 404, 302, 302),
    ("GET", "o/<slug:slug>/alerts/new/<str:kind>/"): (404, 404, 403, 404, 302, 302),  # of an integration's kind
    ("POST", "o/<slug:slug>/alerts/new/<str:kind>/"): (404, 404, 403, 404, 302, 302),
    ("GET", WEBHOOK): (200, 200, 403, 404, 302, 302),
    ("GET", WEBHOOK + "edit/"): (200, 200, 403, 404, 302, 302),
    ("POST", WEBHOOK + "edit/"): (422, 422, 403, 404, 302, 302),
    ("GET", WEBHOOK + "choose/<int:number>/"): (405, 405, 405, 405, 302, 302),
    ("POST", WEBHOOK + "choose/<int:number>/"): (303, 303, 403, 404, 302, 302),
    ("GET", WEBHOOK + "test/"): (405, 405, 405, 405, 302, 302),
    ("POST", WEBHOOK + "test/"): (303, 303, 403, 404, 302, 302),
    ("GET", WEBHOOK + "pause/"): (405, 405, 405, 405, 302, 302),
    ("POST", WEBHOOK + "pause/"): (303, 303, 403, 404, 302, 302),
    ("GET", WEBHOOK + "resume/"): (405, 405, 405, 405, 302, 302),
    ("POST", WEBHOOK + "resume/"): (303, 303, 403, 404, 302, 302),
    ("GET", WEBHOOK + "secret/"): (200, 200, 403, 404, 302, 302),
    ("POST", WEBHOOK + "secret/"): (200, 200, 403, 404, 302, 302),
    ("GET", WEBHOOK + "delete/"): (200, 200, 403, 404, 302, 302),
    ("POST", WEBHOOK + "delete/"): (303, 303, 403, 404, 302, 302),
    ("GET", DELIVERY): (200, 200, 403, 404, 302, 302),
    ("GET", DELIVERY + "again/"): (405, 405, 405, 405, 302, 302),
    ("POST", DELIVERY + "again/"): (303, 303, 403, 404, 302, 302),
}
TABLE |= {operation: (401, 401, 401, 401, 401, status) for operation, status in OPERATIONS.items()}
WITH_ID = [row for row in TABLE if "_id>" in row[1] and TABLE[row][0] not in {401, 405}]


def ids_of(actor):
    key_for(actor)
    other = factories.MembershipFactory(organization=actor.organization)
    invitation, token = invited(actor)
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=None)  # as if the mail had to be sent again
    endpoint_id, delivery_id = endpoint_with_delivery(actor)
    secret, action = store_secret(actor), make_action(actor, uses="", base_url="http://127.0.0.1:9")
    return {
        "slug": actor.organization.slug,
        "secret_id": secret.id,
        "integration_id": action.id,
        "import_id": make_import_of(actor).id,
        "secret_name": secret.name,
        "integration_name": action.name,
        "run_id": factories.RunFactory(
            organization=actor.organization, operation="check", integration_id=action.id, environment="staging"
        ).pk,
        "tool_id": action.agent_tools.get().id,
        "approval_id": factories.ApprovalFactory(organization=actor.organization).pk,
        "endpoint_id": endpoint_id,
        "delivery_id": delivery_id,
        "kind": "api_action",
        "request_id": ask(actor=actor, name="asked.key", environments=[Environment.STAGING], why="For calls").id,
        "key_id": ApiKey.objects.filter(organization=actor.organization, parent=None).latest("created_at").id,
        "session_id": factories.ApiKeyFactory(organization=actor.organization, session=True).id,
        "membership_id": other.id,
        "invitation_id": invitation.id,
        "token": token,
        **ROTATION_IDS,
    }


def address(pattern, ids):
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(ids.get(found[1], 1)), pattern)


def answer(client, method, path):
    """The response to an empty form or body; what it changed is undone."""
    is_api = path.startswith("/api/")
    media = "application/json" if is_api else "application/x-www-form-urlencoded"
    with undone():
        return client.generic(method, path, b"{}" if is_api else b"", content_type=media)
