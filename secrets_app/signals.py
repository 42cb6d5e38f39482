"""What the app above may want to hear, sent inside the transaction of the act.

`secret_created(sender=Secret, secret=…)`: a name now exists; references that waited for it can be bound.
"""

from django.dispatch import Signal

secret_created = Signal()
