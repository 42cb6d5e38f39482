"""The mail that Coffer writes itself: its texts and how it is sent.

Mail about signing in is written by django-allauth from templates (`accounts.sign_in.adapter`).
"""
