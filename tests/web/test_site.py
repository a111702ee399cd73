"""The site: strict when it is made, whole without anybody else, found in by its search."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.web.browser import visiting
from tools import builder
from tools import site as making
from tools.pages import HOME


class Targets(HTMLParser):
    """What a page loads, and what it leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.named: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.named.add(str(found.get("id")))
        if tag == "a":
            self.linked.append(found.get("href") or "")
        elif tag != "link" or found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]


def test_every_link_leads_somewhere_and_nothing_comes_from_elsewhere(site: Path) -> None:
    pages = {path: Targets(path.read_text()) for path in site.rglob("*.html")}
    assert len(pages) > 80
    wrong = []
    for path, page in pages.items():
        for target in page.loaded:
            if re.match(r"(https?:)?//", target):
                wrong.append(f"{path.name} loads {target}")
        for target in [*page.loaded, *page.linked]:
            if re.match(r"(https?:|mailto:|data:|//)", target) or not target:
                continue
            name, _, anchor = target.partition("#")
            there = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not there.exists() or (anchor and there in pages and anchor not in pages[there].named):
                wrong.append(f"{path.relative_to(site)} leads to {target}")
    assert wrong == []
    assert [css for css in site.rglob("*.css") if re.search(r"url\([\"']?(https?:)?//", css.read_text())] == []


def test_the_search_finds_without_a_server_that_searches(site: Path) -> None:
    with visiting(site) as visit:
        visit.page.goto(f"{visit.home}/search.html?q=masquerade+lockout+metadata")
        visit.page.goto(f"{visit.home}/search.html?q=metadata")
        visit.page.wait_for_selector("#search-results li")
        assert "credentials" in visit.page.locator("#search-results").inner_text()
        assert visit.elsewhere() == []


def test_a_dead_link_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: None) -> None:
    really = making._stage

    def stage(source: Path, target: Path) -> None:
        really(source, target)
        page = target / "docs/explanation/faq.md"
        page.write_text(page.read_text() + "\n[nowhere](nowhere.md) and [no heading](safety.md#no-such-heading)\n")

    monkeypatch.setattr(making, "_stage", stage)
    with pytest.raises(making.SiteFailed, match=r"nowhere\.md") as failed:
        making.build(HOME, tmp_path / "site")
    assert "no-such-heading" in str(failed.value)
    assert not (tmp_path / "site").exists()


def test_modules_of_the_editor_find_each_other(npm: None) -> None:
    """Each import of a package that is served is one that is served."""
    modules = HOME / "site/node_modules"
    for package in builder.EDITOR:
        text = builder._entry(modules / package).read_text()
        for name in re.findall(r"^(?:import|export) .* from ['\"]([^'\"]+)['\"];?$", text, re.M):
            assert name in builder.EDITOR, f"{package} takes {name}"


def test_the_lock_file_names_no_place() -> None:
    """npm takes packages from where it is set up to, and checks their digests."""
    text = (HOME / "site/package-lock.json").read_text()
    assert "resolved" not in text
    assert "://" not in re.sub(r'"(url|funding)": "[^"]*"', "", text)
    assert text.count('"integrity"') > 15
