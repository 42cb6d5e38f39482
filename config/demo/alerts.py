"""The demo's alerts: a webhook that the echo stand-in takes, one that is paused, and a daily mail."""

from accounts.actors import Actor
from config.demo.stand_ins import Ports
from integrations.alerts.choices import EndpointFields
from integrations.alerts.endpoints import create_endpoint, pause_endpoint, send_test
from integrations.models import EndpointKind

CHANGES = ["secret.created", "secret.changed", "secret.rotated", "secret.disabled", "secret.deleted"]
NEEDS_A_PERSON = ["integration.failing", "integration.recovered", "run.refused_domain", "secret.due", "secret.missing"]


def load_alerts(owner: Actor, ports: Ports) -> None:
    """Create the endpoints before the demo's rotations, so that they hear of them once the server runs."""
    echo = f"http://127.0.0.1:{ports['echo']}/hooks/coffer"
    taken, _ = create_endpoint(
        actor=owner, fields=EndpointFields(EndpointKind.WEBHOOK, name="Echo upstream", address=echo, events=CHANGES)
    )
    send_test(actor=owner, endpoint_id=taken.pk)
    deploys = EndpointFields(EndpointKind.WEBHOOK, name="Deploys", address=f"{echo}/deploys", events=["secret.rotated"])
    paused, _ = create_endpoint(actor=owner, fields=deploys)
    pause_endpoint(actor=owner, endpoint_id=paused.pk)
    daily = EndpointFields(EndpointKind.EMAIL, events=NEEDS_A_PERSON, is_digest=True, after_minutes=5)
    create_endpoint(actor=owner, fields=daily)
