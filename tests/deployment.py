"""Runs a management command with the settings of a production installation (for `make lint`).

usage: python -m tests.deployment COMMAND …
"""

import os
import sys

from tests import environment

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "COFFER_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "COFFER_MASTER_KEYS": f"first:env:{environment.MASTER_KEY}",
    "COFFER_ALLOWED_HOSTS": "coffer.example.com",
    "COFFER_SITE_URL": "https://coffer.example.com",
    "COFFER_EGRESS_ALLOW": "",
    "COFFER_DEBUG": "off",
    "DATABASE_URL": "sqlite://:memory:",
    "CACHE_URL": "dbcache://coffer_cache",
}

if __name__ == "__main__":
    os.environ.update(PRODUCTION)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])
