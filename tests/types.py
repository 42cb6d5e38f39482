"""Runs mypy over the product (for `make lint`): its Django plugin loads the settings and needs their environment.

usage: python -m tests.types
"""

import os

from mypy.main import main

from tests import environment  # noqa: F401 - sets the variables

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    main(args=["."], clean_exit=True)
