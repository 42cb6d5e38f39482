"""docs/settings.md is what the code reads: complete, current, without a second source."""

import re

from config.configuration.documents import page
from config.configuration.registry import BY_NAME, SETTINGS
from tests.support.source import ROOT, modules

READ = re.compile(r'"((?:COFFER_[A-Z0-9_]+)|DATABASE_URL|CACHE_URL|EMAIL_URL|WEB_CONCURRENCY|PORT|ECHO_PORT|DEMO)"')
RETIRED = {"COFFER_BEHIND_PROXY"}
OF_AGENTS = {"COFFER_AUTH"}
"""Variables of the programs that call Coffer, in the snippets for them."""
ELSEWHERE = ("config/configuration/registry.py",)


def test_page_is_written_from_the_table():
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), "Run make settings."


def test_table_has_every_variable_that_is_read_and_no_other():
    texts = [path.read_text(encoding="utf-8") for path in modules() if not str(path).endswith(ELSEWHERE)]
    assert {name for text in texts for name in READ.findall(text)} - RETIRED - OF_AGENTS == BY_NAME.keys()


def test_each_setting_is_told_once_with_its_meaning_and_default():
    assert len(BY_NAME) == len(SETTINGS)
    rows = {line.split("`")[1]: line for line in page().splitlines() if line.startswith("| `")}
    assert rows.keys() == BY_NAME.keys()
    assert all(len(setting.meaning) > 10 for setting in SETTINGS)
