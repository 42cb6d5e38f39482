"""The Django admin as staff see it: the site, and the base classes of its read-only lists.

Each app registers its own models in its `admin` module; docs/staff.md says what staff may see and do.
"""
