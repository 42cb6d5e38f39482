"""Says what became of the links of invitations: the mail server took them, will be asked again, or there is none."""

from collections.abc import Sequence

from accounts.actors import Actor, ActorKind
from accounts.mail.sending import is_sent_by_a_server, link
from accounts.models import Invitation
from accounts.people.invitations import not_sent
from accounts.policy import Permission

NOT_SENT = "The mail server did not accept the invitation of {}. Coffer tries again; you can, too, from the list."
NO_SERVER = "Coffer sends no mail here, so {} got no link. Ask an owner to send the invitation again and hand it over."
HAND_OVER = "Coffer sends no mail here. Hand this link to {} yourself, and to nobody else; it works once: {}"


def sentences_about_mail(actor: Actor, made: Sequence[Invitation]) -> list[str]:
    """Return a sentence for each invitation, just made or sent again, whose mail was not sent."""
    waiting = {invited.email for invited in made if invited.awaits_owner}
    links = _links_to_hand_over(actor, made)
    sentence = NOT_SENT if is_sent_by_a_server() else NO_SERVER
    return [
        HAND_OVER.format(email, links[email]) if email in links else sentence.format(email)
        for email in not_sent(made)
        if email not in waiting
    ]


def _links_to_hand_over(actor: Actor, made: Sequence[Invitation]) -> dict[str, str]:
    """Return the links of invitations just made, by address, where no mail server sends them.

    Owners and staff may have them; nobody else, for who has a link may take the invited address for theirs.
    """
    may_hand_over = actor.kind is ActorKind.STAFF or actor.may(Permission.OWNERS_MANAGE)
    if is_sent_by_a_server() or not may_hand_over:
        return {}
    return {invited.email: link("invitation", invited.token) for invited in made if not invited.awaits_owner}
