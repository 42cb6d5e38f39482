"""Organizations, members, invitations and accounts, and the rules that an organization sets for itself.

An organization always keeps an owner. Signing in is in `accounts.sign_in`; what roles may do is in `accounts.policy`.
"""
