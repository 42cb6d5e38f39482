"""Signals for apps that build on secrets. They are sent inside the transaction of the change.

`secret_created(sender=Secret, secret=…, actor=…)`: a secret was created; references that wait for its name can be
bound.
`secrets_created(sender=Secret, organization=…, secrets=[…], actor=…)`: the same for the secrets that an import created.
`secret_renamed(sender=Secret, secret=…, old_name=…, actor=…)`: a secret was renamed; whatever refers to it must use
the new name. A receiver that raises an exception undoes the act.
"""

from django.dispatch import Signal

secret_created = Signal()
secrets_created = Signal()
secret_renamed = Signal()
