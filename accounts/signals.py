"""What the apps above may want to hear, sent inside the transaction of the act.

`organization_deleting(sender=Organization, organization=…)`: it is about to go with everything that belongs to it.
A receiver removes what foreign keys do not reach, and what is too much to be loaded. One that raises undoes the act.
"""

from django.dispatch import Signal

organization_deleting = Signal()
