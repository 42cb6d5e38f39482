"""A call that a rule asks about, its caller, and the people who decide."""

import pytest

from accounts.access.callers import PresentedKey
from accounts.common.environments import Environment
from accounts.models import User
from integrations.broker.preparation import Call
from integrations.errors import ApprovalNeeded
from integrations.holding.calls import Wish
from integrations.models import Approval, Integration
from tests.support.integrations.admission import GOOD, PARAMETERS, admit
from tests.support.things import key_for, make_action, store_secret


class Stand:
    """An action whose calls a person has to approve, and an agent that calls it."""

    def __init__(self, owner, **config):
        self.owner = owner
        self.owner_email = User.objects.get(pk=owner.id).email
        self.secret = store_secret(owner)
        parts = {"path": "/patients/{params.id}", "parameters": PARAMETERS}
        self.action = make_action(owner, **parts | config)
        self.ask()
        self.key = PresentedKey(key_for(owner), None)

    def ask(self, **asking):
        """Let the action have one rule, which asks."""
        self.set_rules({"decision": "ask", "ask": asking})

    def set_rules(self, *rules):
        Integration.objects.filter(pk=self.action.pk).update(rules=list(rules))

    def call(self, params=GOOD, caller=None, **wish):
        """The call, admitted."""
        call = Call(self.action.pk, Environment.STAGING, "call", dict(params), wish=Wish(**wish))
        return admit(caller or self.key, call)

    def held(self, params=GOOD, caller=None, **wish):
        """The approval of a call that is held."""
        with pytest.raises(ApprovalNeeded) as refused:
            self.call(params, caller, **wish)
        return Approval.objects.select_related("organization").get(pk=refused.value.members["approval"]["id"])
