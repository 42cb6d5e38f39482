"""Signing in, on top of django-allauth: adapters, forms, signal receivers, session limits and proof codes.

django-allauth authenticates people; this package decides who may sign up, and ties sign-ins to sessions, the audit log
and mail.
"""
