"""Signals for the apps that build on this one, sent inside the transaction of the action.

`organization_deleting(sender=Organization, organization=…)` is sent before an organization is deleted with everything
that belongs to it. Receivers delete rows that foreign keys do not reach, and rows that are too many to load. If a
receiver raises, the deletion is rolled back.
"""

from django.dispatch import Signal

organization_deleting = Signal()
