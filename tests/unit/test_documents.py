"""What the documents point at exists, and what they tell a newcomer to write is good as it stands."""

import re
from pathlib import Path

import pytest

from config.load import load
from mappings.records import STATUSES

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_configuration_of_the_quickstart_loads_without_warnings(tmp_path: Path) -> None:
    main, operators, newsletter = _blocks(ROOT / "docs" / "quickstart.md")
    path = tmp_path / "prm-sync.yaml"
    (tmp_path / "operators").mkdir()
    (tmp_path / "operators" / "segments.yaml").write_text(operators, encoding="utf-8")
    for text in (main, main + newsletter):
        path.write_text(text, encoding="utf-8")
        assert load(path).warnings == ()
    assert load(path).settings.destinations["newsletter"].mode == "observe"


def _blocks(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_the_glossary_names_every_status() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert [status for status in STATUSES if f"`{status}`" not in glossary] == []


def test_every_test_that_a_page_names_is_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/test_*.py"))
    named = re.findall(r"`(test_\w+)`", "".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
