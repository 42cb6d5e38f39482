"""Alerts: events of an organization for those who want to know, as signed webhooks, messages and mail; and the audit
log as a stream.

Acts are taken from the audit log and what nobody did from the occurrences (`accounts.occurrences`), so both are kept
with what they are about and none is lost. `dispatch` puts them into the queue of each endpoint, `delivery` sends them.
"""
