#!/usr/bin/env python3
"""Management commands of Coffer."""

import os
import sys

if __name__ == "__main__":
    from accounts.common.process import protect_process

    protect_process()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
