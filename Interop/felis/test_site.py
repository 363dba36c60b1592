"""The browser for schemas, in headless Chromium."""

import sys
from pathlib import Path

import pytest
from felis_tools import SCHEMAS, steward

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import browser  # noqa: E402

needs_chromium = pytest.mark.skipif(browser.find_chromium() is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    steward("site", SCHEMAS, "-o", folder)
    return folder


def test_there_is_a_page_for_each_schema(site):
    pages = {path.stem for path in site.glob("*.html")}
    assert pages == {path.stem for path in SCHEMAS.glob("*.yaml")} | {"index"}
    assert "id=\"Object.coord_ra\"" in (site / "dp1.html").read_text()


def test_keys_and_odd_file_names(tmp_path):
    (tmp_path / "a#b?.yaml").write_text(
        """name: s
tables:
- name: t
  columns: [{name: a, datatype: int}]
  constraints:
  - {name: k, '@type': ForeignKey, columns: ['#t.a'], referencedColumns: ['#w.<b>']}
  - {name: u, '@type': Unique, columns: ['#t.a'], description: once}
  - {name: c, '@type': Check, expression: a < 3}
- {name: w, columns: [{name: <b>, datatype: int}]}
"""
    )
    steward("site", tmp_path, "-o", tmp_path / "site")
    assert 'href="a%23b%3f.html"' in (tmp_path / "site" / "index.html").read_text()
    text = (tmp_path / "site" / "a#b?.html").read_text()
    assert 'k, foreign key (<a href="#t.a">a</a>) to (<a href="#w.%3cb%3e">w.&lt;b&gt;</a>)' in text
    assert 'u, unique (<a href="#t.a">a</a>): once' in text and "check <code>a &lt; 3</code>" in text


@pytest.fixture(scope="module")
def page():
    window = browser.Browser()
    yield window
    window.close()


def visit(page, address):
    page.open(address)
    page.wait(f"document.readyState === 'complete' && location.href === {address!r}")


@needs_chromium
def test_search_links_and_filters(site, page):
    visit(page, (site / "index.html").as_uri())
    search = "const f = document.querySelector('input[type=search]'); f.value = %r; f.dispatchEvent(new Event('input'))"
    page.run("{" + search % "coord_ra" + "}")
    assert int(page.run("document.getElementById('count').textContent.split(' ')[0]")) > 5
    link = page.run("document.querySelector('#results a').href")
    assert "#" in link and "coord_ra" in link
    assert "q=coord_ra" in page.run("location.search")
    visit(page, (site / "dp1.html").as_uri() + "#Object.coord_ra")
    assert page.run("document.querySelector(':target').id") == "Object.coord_ra"
    page.run("{" + search % "coord_ra" + "}")
    rows = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden && !r.closest('section').hidden).length"
    assert 0 < page.run(rows) < 30
    page.run("{" + search % "" + "}")
    assert page.run(rows) > 1000
    names = "[...document.querySelectorAll('#Visit tbody tr')].map(r => r.cells[0].textContent)"
    page.run("document.querySelector('#Visit th button').click()")
    ascending = page.run(names)
    page.run("document.querySelector('#Visit th button').click()")
    assert page.run(names) == ascending[::-1]
    assert page.complaints == []


@needs_chromium
def test_light_and_dark(site, page):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    visit(page, (site / "index.html").as_uri())
    page.shape(1000, 800, dark=False)
    light = page.run(ground)
    page.shape(1000, 800, dark=True)
    assert page.run(ground) != light
