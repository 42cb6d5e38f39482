#!/usr/bin/env python3
"""Management commands of Coffer."""

import os
import sys

if __name__ == "__main__":
    from accounts.common.process import protect_process
    from config.configuration.explaining import sentences_instead_of_tracebacks

    protect_process()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import execute_from_command_line

    with sentences_instead_of_tracebacks():
        django.setup()  # `execute_from_command_line` would go on without usable settings
        execute_from_command_line(sys.argv)
