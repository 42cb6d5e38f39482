"""Actions that send a value with characters which every encoding changes."""

from tests.support.things import make_action

VALUE = 'canary/9d1f+"quoted"\\value'
HEADERS = [{"name": "X-Key", "value": "{secrets.crm.apiKey}"}]


def action_to(owner, base_url, **config):
    return make_action(owner, uses="", **{"base_url": base_url, "headers": HEADERS, "timeout_seconds": 5, **config})
