"""The environment that the suite runs in, set before Django reads its settings (a `-p` plugin, see pyproject.toml)."""

import os
from pathlib import Path

MASTER_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

os.environ.update(
    COFFER_SECRET_KEY="test-0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef",
    COFFER_MASTER_KEYS=f"test:env:{MASTER_KEY}",
    COFFER_ALLOWED_HOSTS="localhost,127.0.0.1",
    COFFER_SITE_URL="http://localhost",
    COFFER_EGRESS_ALLOW="127.0.0.1/32",
    COFFER_DEBUG="off",
    CACHE_URL="locmemcache://",
    EMAIL_URL="memorymail://",
)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(__file__).resolve().parent.parent / 'var' / 'tests.sqlite3'}")
