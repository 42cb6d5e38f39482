"""What the app above may want to hear, sent inside the transaction of the act.

`secret_created(sender=Secret, secret=…)`: a name now exists; references that waited for it can be bound.
`secrets_created(sender=Secret, organization=…, secrets=[…])`: the same for many at once, by an import.
`secret_renamed(sender=Secret, secret=…, old_name=…, actor=…)`: whoever names it has to use the new name. A
receiver that raises undoes the renaming.
"""

from django.dispatch import Signal

secret_created = Signal()
secrets_created = Signal()
secret_renamed = Signal()
