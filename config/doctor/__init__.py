"""Looks for what is wrong with an installation and says how to mend it: `manage.py doctor` (docs/doctor.md)."""
