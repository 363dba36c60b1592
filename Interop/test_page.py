"""The page for people in a headless Chromium, against `steward serve` with the demo survey."""

import math
import os
import signal
import struct
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from browser import Browser, find_chromium

PACKAGE = Path(__file__).resolve().parent.parent
CONDITION = "instrument = 'StewardCam' AND visit = 2026010100001"


def find_program() -> Path | None:
    if named := os.environ.get("STEWARD_BIN"):
        return Path(named)
    built = [p for kind in ("debug", "release") if (p := PACKAGE / ".build" / kind / "steward").exists()]
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


PROGRAM = find_program()
pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="steward is not built; run swift build --product steward or set STEWARD_BIN"),
    pytest.mark.skipif(find_chromium() is None, reason="no chromium; install Debian's package of that name"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = os.environ.get("STEWARD_DEMO")
    if not directory:
        directory = tmp_path_factory.mktemp("page") / "demo"
        subprocess.run([PROGRAM, "demo", directory], check=True, capture_output=True)
    # A pipe that nobody reads would fill up with the log.
    log = tmp_path_factory.mktemp("log") / "serve"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--repo", f"demo={directory}", "--repo", f"again={directory}", "--port", "0"],
            stdout=sink, stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 60
    while "/api/butler/repo/again" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    url = log.read_text().split("url=")[1].split("/api/")[0]
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def shared_browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(shared_browser, server):
    shared_browser.shape(1280, 900)
    shared_browser.complaints.clear()
    shared_browser.requests.clear()
    shared_browser.posts.clear()
    shared_browser.open("about:blank")
    yield shared_browser
    assert shared_browser.complaints == []
    elsewhere = [url for url in shared_browser.requests
                 if not url.startswith((server, "data:", "blob:", "about:", f"{server}/"))]
    assert elsewhere == []


def query(**parameters):
    return "#/r/demo/query?" + urllib.parse.urlencode({"run": 1, **parameters})


def test_a_browser_is_led_to_the_page_and_a_program_is_not(browser, server):
    with urllib.request.urlopen(server + "/") as answer:
        assert b'"name":"butler"' in answer.read()
    browser.open(server + "/")
    browser.wait("document.querySelector('.cards a')")
    assert browser.run("location.pathname") == "/ui"
    assert browser.run("[...document.querySelectorAll('.cards a')].map((a) => a.textContent)") == ["again", "demo"]


def test_collections_are_a_tree_and_lead_to_datasets(browser, server):
    browser.open(server + "/ui#/r/demo")
    browser.wait("document.querySelector('.collections details')")
    chain = browser.run("document.querySelector('.collections details summary a').textContent")
    browser.run("document.querySelector('.collections details summary a').click()")
    browser.wait(f"document.querySelector('.browse section h1')?.textContent.startsWith('{chain}')")
    assert "Searched in this order" in browser.text(".browse section")
    browser.run("document.querySelector('.browse tbody a').click()")
    browser.wait("document.querySelector('.grid tr[data-index]')")
    assert browser.run("location.hash.includes('query?')")


def test_rows_are_few_in_the_document_and_the_keyboard_opens_one(browser, server):
    browser.open(server + "/ui" + query(names="raw", collections="StewardCam/raw/all"))
    browser.wait("/192 rows/.test(document.querySelector('.note')?.textContent)")
    assert browser.run("document.querySelectorAll('.grid tr[data-index]').length") < 100
    browser.run("document.querySelector('.grid').focus()")
    browser.press("End")
    browser.wait("document.querySelector('#row-191.active')")
    browser.press("Enter")
    browser.wait("document.querySelector('.image-view canvas')")
    assert browser.text(".dataset h1") == "raw"


def test_an_error_shows_its_place_and_moves_the_caret_there(browser, server):
    browser.open(server + "/ui" + query(names="raw", collections="*", where="visit = = 5"))
    browser.wait("document.querySelector('.complaint pre')")
    line, caret = browser.text(".complaint pre").split("\n")[:2]
    assert line[caret.index("^")] == "="
    browser.wait("document.activeElement.selectionStart === 8")
    # The browser itself reports the refusal.
    assert all("status of 422" in complaint for complaint in browser.complaints)
    browser.complaints.clear()


def test_typing_a_query_and_pressing_the_button_finds_rows(browser, server):
    browser.open(server + "/ui#/r/demo/query")
    browser.wait("document.querySelector('#field-names')")
    browser.run("document.querySelector('#field-names').focus()")
    browser.call("Input.insertText", text="calexp")
    browser.run("document.querySelector('#field-collections').focus()")
    browser.call("Input.insertText", text="demo/run/1")
    browser.run("document.querySelector('#field-where').focus()")
    browser.call("Input.insertText", text=CONDITION)
    browser.run("document.querySelector('.query-form .primary').click()")
    browser.wait("/8 rows/.test(document.querySelector('.note')?.textContent)")
    # The place in the URL is all that a reader has to pass on.
    link = browser.run("location.href")
    browser.open("about:blank")
    browser.open(link)
    browser.wait("/8 rows/.test(document.querySelector('.note')?.textContent)")
    assert browser.run("document.querySelector('#field-where').value") == CONDITION


def test_a_query_without_rows_says_why(browser, server):
    browser.open(server + "/ui" + query(names="calexp", collections="demo/run/1", where="instrument = 'StewardCam' AND visit = 5"))
    browser.wait("document.querySelector('.reasons li')")
    assert "5" in browser.text(".reasons")


def test_an_image_has_a_colour_bar_and_tells_its_values(browser, server):
    browser.open(server + "/ui" + query(names="calexp", collections="demo/run/1", where=CONDITION))
    browser.wait("document.querySelector('.grid td a')")
    browser.run("document.querySelector('.grid td a').click()")
    browser.wait("document.querySelector('.picture canvas')")
    shades = browser.run("""(() => { const canvas = document.querySelector('.picture canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(data.filter((value, index) => index % 4 === 0)).size; })()""")
    assert shades > 30
    assert browser.run("document.querySelectorAll('.scale span').length") == 5
    browser.run("document.querySelector('.picture canvas').focus()")
    browser.press("ArrowRight")
    browser.wait("/^x \\d+, y \\d+: /.test(document.querySelector('.image-view .readout')?.textContent)")
    file = browser.run("document.querySelector('.file a').href")
    with urllib.request.urlopen(file) as answer:
        assert answer.read(6) == b"SIMPLE"
    browser.wait("document.querySelectorAll('.sky canvas').length === 1")


@pytest.mark.parametrize("name, selector", [("visit_summary", ".tree"), ("detector_notes", ".tree"), ("sources", ".head-of-table")])
def test_documents_and_tables_have_previews(browser, server, name, selector):
    browser.open(server + "/ui" + query(names=name, collections="*"))
    browser.wait("document.querySelector('.grid td a')")
    browser.run("document.querySelector('.grid td a').click()")
    browser.wait(f"document.querySelector('.look {selector}')")
    assert len(browser.text(".look")) > 100


def test_regions_are_drawn_and_can_be_pointed_at(browser, server):
    browser.open(server + "/ui" + query(kind="dimension_records", names="visit", view="map"))
    browser.wait("/24 regions/.test(document.querySelector('.note')?.textContent)")
    browser.wait("/across/.test(document.querySelector('.sky-foot')?.textContent)")
    box = browser.run("(() => { const b = document.querySelector('.sky canvas').getBoundingClientRect();"
                      " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
    for step in range(-6, 7):
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + 15 * step, y=box[1] + 10 * step)
    assert "RA" in browser.text(".sky .readout")


def test_projections_lead_back_and_keep_their_orientation(browser, server):
    browser.open(server + "/ui#/r/demo")
    browser.wait("document.querySelector('.browse')")
    worst = browser.run("""import('/ui/projection.js').then(async ({ Gnomonic, HammerAitoff }) => {
        const { direction, dot } = await import('/ui/region.js');
        let worst = 0;
        for (const projection of [new Gnomonic(6.2, -1.2), new Gnomonic(0.01, 1.5), new HammerAitoff(0), new HammerAitoff(4)])
            for (let ra = 0.05; ra < 6.28; ra += 0.3) for (let dec = -1.5; dec < 1.55; dec += 0.25) {
                const v = direction(ra, dec);
                const point = projection.project(v);
                if (point) worst = Math.max(worst, Math.acos(Math.min(1, dot(v, direction(...projection.unproject(...point))))));
            }
        return worst; })""")
    assert worst < 1e-6
    # East is on the left, north is up.
    east, north = browser.run("""import('/ui/projection.js').then(async ({ Gnomonic, HammerAitoff }) => {
        const { direction } = await import('/ui/region.js');
        return [new Gnomonic(1, 0.5).project(direction(1.01, 0.5))[0], new HammerAitoff(1).project(direction(1, 0.5))[1]]; })""")
    assert east < 0 < north


def test_regions_are_decoded_as_they_are_encoded(browser, server):
    browser.open(server + "/ui#/r/demo")
    browser.wait("document.querySelector('.browse')")
    radius = math.radians(1.5)
    circle = b"c" + struct.pack("<5d", 0.6, 0.0, 0.8, 4 * math.sin(radius / 2) ** 2, radius)
    box = b"b" + struct.pack("<4d", 6.0, 0.5, -0.2, 0.1)
    corners = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    polygon = b"p" + b"".join(struct.pack("<3d", *corner) for corner in corners)
    union = b"u" + b"".join(struct.pack("<Q", len(part)) + part for part in (circle, polygon))
    rings = {name: browser.run(f"import('/ui/region.js').then(({{ rings }}) => rings('{region.hex()}'))")
             for name, region in (("circle", circle), ("box", box), ("polygon", polygon), ("union", union))}
    for x, y, z in rings["circle"][0]:
        assert math.acos(0.6 * x + 0.8 * z) == pytest.approx(radius)
    # The box goes over the zero of right ascension.
    angles = [(math.atan2(y, x), math.asin(z)) for x, y, z in rings["box"][0]]
    assert min(ra for ra, _ in angles) == pytest.approx(6.0 - 2 * math.pi)
    assert max(ra for ra, _ in angles) == pytest.approx(0.5)
    assert {round(dec, 9) for _, dec in angles} == {-0.2, 0.1}
    assert all(tuple(corner) in {tuple(point) for point in rings["polygon"][0]} for corner in corners)
    assert len(rings["polygon"][0]) > 100
    assert rings["union"] == rings["circle"] + rings["polygon"]


def test_how_a_query_is_answered_is_shown(browser, server):
    browser.open(server + "/ui" + query(names="calexp", collections="demo/run/1", view="explain"))
    browser.wait("document.querySelector('.explanation pre')")
    assert "SELECT" in browser.text(".explanation")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("place", [
    "#/r/demo", query(names="raw", collections="*"), query(kind="dimension_records", names="visit", view="map")])
def test_nothing_sticks_out_on_a_phone(browser, server, place, dark):
    browser.shape(390, 844, dark=dark, touch=True)
    browser.open(server + "/ui" + place)
    browser.wait("document.querySelector('.list td, .grid td a, .sky canvas')")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 24, 27)") == dark


def test_leaving_a_query_stops_it_and_hostile_names_stay_text(browser, server):
    browser.open(server + "/ui" + query(names="<img src=x onerror=alert(1)>", collections="*"))
    browser.wait("document.querySelector('.complaint, .note')")
    assert browser.run("document.querySelectorAll('main img').length") == 0
    browser.run("location.hash = '#/r/demo'")
    browser.wait("document.querySelector('.browse h1')")
