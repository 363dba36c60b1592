"""The page with what is unusual in a repository: odd names, large numbers, many rows, archives, a catalogue of types."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
import zipfile

import pytest

butler_module = pytest.importorskip("lsst.daf.butler")
from lsst.daf.butler import Butler, CollectionType, DatasetType, FileDataset  # noqa: E402
from test_page import PROGRAM, browser, pytestmark, shared_browser  # noqa: E402, F401

CAMERA = "Ann's camera"
RUN = "odd/a b, c"
QUOTED = 'odd/"q" x'
LARGE = 9007199254740993
GROUPS = 42_000
DESCRIPTION = "Settings of <b>detectors</b>, by hand."


def make_repository(root):
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True, run=RUN)
    butler.registry.insertDimensionData(
        "instrument", {"name": CAMERA, "class_name": "odd.Cam", "detector_max": LARGE + 9})
    for number in (1, LARGE):
        butler.registry.insertDimensionData(
            "detector", {"instrument": CAMERA, "id": number, "full_name": f"D{number}", "purpose": "SCIENCE"})
    kinds = {name: DatasetType(name, ("instrument", "detector"), "StructuredDataDict", universe=butler.dimensions)
             for name in ("settings", "bundle")}
    for kind in kinds.values():
        butler.registry.registerDatasetType(kind)
    refs = {number: butler.put({"number": number}, kinds["settings"], instrument=CAMERA, detector=number)
            for number in (1, LARGE)}
    butler.registry.registerCollection(QUOTED, CollectionType.TAGGED)
    butler.registry.associate(QUOTED, [refs[LARGE]])
    archive = root.parent / "bundle.yaml"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("notes/first.yaml", f"large: {LARGE}\nwords: [a, b]\n")
        file.writestr("second.txt", "plain words\n")
    bundle = butler_module.DatasetRef(
        kinds["bundle"], butler.registry.expandDataId(instrument=CAMERA, detector=1), RUN)
    butler.ingest(FileDataset(str(archive), bundle, formatter="lsst.daf.butler.formatters.yaml.YamlFormatter"),
                  transfer="copy")
    stored = root / "bundle.zip"
    (root / butler.getURI(bundle).relative_to(butler._datastore.root)).rename(stored)
    with sqlite3.connect(root / "gen3.sqlite3") as database:
        # The formatters of the package refuse this extension, as those of others do not.
        database.execute("UPDATE file_datastore_records SET path = ? WHERE dataset_id = ?", ("bundle.zip", bundle.id.hex))
        # One by one, this would take minutes.
        database.executemany('INSERT INTO "group" (instrument, name) VALUES (?, ?)',
                             ((CAMERA, f"{number:06}") for number in range(GROUPS)))
    database.close()
    (root / "published-dataset-types.yaml").write_text(
        f"dataset_types:\n  settings: {{description: \"{DESCRIPTION}\"}}\n  bundle: {{description: A file.}}\n")
    return {"settings": refs[1].id, "large": refs[LARGE].id, "bundle": bundle.id}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    root = tmp_path_factory.mktemp("odd") / "repo"
    return root, make_repository(root)


@pytest.fixture(scope="module")
def server(odd, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "serve"
    with log.open("w") as sink:
        process = subprocess.Popen([PROGRAM, "serve", "--repo", f"odd={odd[0]}", "--port", "0"], stdout=sink,
                                   stderr=subprocess.STDOUT,
                                   env={**os.environ, "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "DISABLED"})
    deadline = time.monotonic() + 60
    while "/api/butler/repo/odd" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    yield log.read_text().split("url=")[1].split("/api/")[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def query(**parameters):
    return "/ui#/r/odd/query?" + urllib.parse.urlencode({"run": 1, **parameters})


def metric(server, name):
    with urllib.request.urlopen(server + "/metrics") as answer:
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", answer.read().decode(), re.M)
    return float(found[1]) if found else 0.0


def follow(browser, selector):
    browser.wait(f"document.querySelector({json.dumps(selector)})")
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")


@pytest.mark.parametrize("collection, count", [(RUN, 2), (QUOTED, 1)])
def test_collections_with_blanks_commas_and_quotes_are_queried(browser, server, collection, count):
    browser.open(server + "/ui#/r/odd?" + urllib.parse.urlencode({"collection": collection}))
    browser.wait(f"document.querySelector('.browse h1')?.textContent.startsWith({json.dumps(collection)})")
    browser.run("[...document.querySelectorAll('.browse td a')].find((a) => a.textContent === 'settings').click()")
    browser.wait(f"/^{count} rows?/.test(document.querySelector('.note')?.textContent)")
    # What the field shows can be sent again, and a second name beside it.
    browser.run("document.querySelector('.query-form .primary').click()")
    browser.wait(f"/^{count} rows?/.test(document.querySelector('.note')?.textContent)")
    browser.run("document.querySelector('#field-collections').value += ', *'")
    browser.run("document.querySelector('.query-form .primary').click()")
    browser.wait("location.hash.includes('*') && /rows?/.test(document.querySelector('.note')?.textContent)")
    assert json.loads(browser.posts[-1][1])["collections"] == [collection, "*"]


def test_lists_of_names_are_read_as_they_are_written(browser, server):
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.browse h1')")
    names = ["a b", "x,y", '"', 'say "x" now', "it's", "plain", 'mid"dle', "line\nbreak"]
    text = f"import('/ui/names.js').then(({{ quoted, namesIn }}) => namesIn({json.dumps(names)}.map(quoted).join(', ')))"
    assert browser.run(text) == names
    assert browser.run("import('/ui/names.js').then(({ namesIn }) => namesIn(' a,b  c ,, \"d e'))") == ["a", "b", "c", "d e"]


def test_the_same_data_id_is_found_with_quotes_and_large_numbers_in_it(browser, server, odd):
    browser.open(f"{server}/ui#/r/odd/dataset/{odd[1]['large']}")
    browser.wait("document.querySelector('.data-id')")
    assert f"detector {LARGE}" in browser.text(".data-id")
    browser.run("[...document.querySelectorAll('.dataset a')].find((a) => a.textContent.startsWith('the same')).click()")
    browser.wait("/^2 rows/.test(document.querySelector('.note')?.textContent)")
    body = json.loads(browser.posts[-1][1])
    assert body["where"] == f"instrument = :instrument_value AND detector = {LARGE}"
    assert body["bind"] == {"instrument_value": CAMERA}
    assert CAMERA in browser.text(".bound")
    assert set(re.findall(r"\b9\d{15}\b", browser.text(".grid"))) == {str(LARGE)}
    # A value that the expression does not name any more is left out.
    browser.run("document.querySelector('#field-where').value = \"instrument != 'x' AND detector.id = 1\"")
    browser.run("document.querySelector('.query-form .primary').click()")
    browser.wait("!location.hash.includes('bind') && /^1 row,/.test(document.querySelector('.note')?.textContent)")


def test_json_keeps_all_digits(browser, server):
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.browse h1')")
    text = ('{"a": 9007199254740993, "b": [-9223372036854775808, 1.00000000000000012, 1e300, 9007199254740991], '
            '"9007199254740993": "9007199254740993 \\"9007199254740993", "c": 0.12345678901234567890}')
    found = browser.run("import('/ui/exact-json.js').then(({ exactJSON }) => JSON.stringify(exactJSON(" + json.dumps(text)
                        + "), (_, value) => (typeof value === 'bigint' ? `${value}n` : value)))")
    expected = json.loads(text)
    expected["a"], expected["b"][0] = "9007199254740993n", "-9223372036854775808n"
    assert json.loads(found) == expected


def test_descriptions_of_dataset_types_are_shown_as_text(browser, server, odd):
    with urllib.request.urlopen(server + "/api/butler/repo/odd/v1/ui/dataset_types") as answer:
        items = json.load(answer)["dataset_types"]
    assert {item["dataset_type"]["name"]: item["description"] for item in items} == {
        "bundle": "A file.", "settings": DESCRIPTION}
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.says')")
    assert DESCRIPTION in browser.text(".browse section")
    browser.open(f"{server}/ui#/r/odd/dataset/{odd[1]['settings']}")
    browser.wait("document.querySelector('.dataset .doc')?.textContent")
    assert browser.text(".dataset .doc") == DESCRIPTION


def test_dataset_types_fit_on_a_phone(browser, server):
    browser.shape(390, 844, touch=True)
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.says')")
    assert browser.run("[...document.querySelectorAll('.types td')].every((cell) =>"
                       " cell.getBoundingClientRect().right <= innerWidth)")
    assert "StructuredDataDict" in browser.text(".types")


def test_members_of_a_zip_file_are_listed_and_shown(browser, server, odd):
    browser.open(f"{server}/ui#/r/odd/dataset/{odd[1]['bundle']}")
    browser.wait("document.querySelectorAll('.look button.link').length === 2")
    assert "2 members" in browser.text(".look")
    browser.run("document.querySelector('.look button.link').focus()")
    browser.press("Enter")
    browser.wait("document.querySelector('.look .tree')")
    assert str(LARGE) in browser.text(".look .tree")
    choose = "(() => { const s = document.querySelector('.look select'); s.value = '%s'; s.dispatchEvent(new Event('change')); })()"
    browser.run(choose % "second.txt")
    browser.wait("document.querySelector('.look pre.text')")
    assert browser.text(".look pre.text").strip() == "plain words"
    browser.run(choose % "")
    browser.wait("document.querySelectorAll('.look button.link').length === 2")


def test_scrolling_to_the_end_sends_every_row_once(browser, server):
    before = metric(server, "butler_rows_total")
    browser.open(server + query(kind="dimension_records", names="group", order="group"))
    browser.wait("/^The first/.test(document.querySelector('.note')?.textContent)")
    known = int(re.search(r"[\d,]+", browser.text(".note"))[0].replace(",", ""))
    assert 1000 <= known < GROUPS
    browser.run("document.querySelector('.grid').focus()")
    deadline = time.monotonic() + 60
    while not browser.text(".note").startswith(f"{GROUPS:,} rows"):
        assert time.monotonic() < deadline, browser.text(".note")
        browser.press("End")
        time.sleep(0.05)
    browser.press("End")
    browser.wait(f"document.querySelector('#row-{GROUPS - 1}.active')")
    assert f"{GROUPS - 1:06}" in browser.text(f"#row-{GROUPS - 1}")
    assert "005000" not in browser.text(".grid")
    asked = [json.loads(body) for url, body in browser.posts if url.endswith("/ui/query")]
    # The last known row comes again when a query goes on behind another.
    assert [body["skip"] for body in asked] == [0, 9999, 39999]
    assert metric(server, "butler_rows_total") - before == GROUPS + len(asked) - 1
    browser.wait("true")
    assert metric(server, "butler_streams_running") == 0


def test_rows_are_read_as_needed_and_a_stream_is_let_go_when_nobody_reads(browser, server):
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.browse h1')")
    # The clock of the page is moved by hand.
    found = browser.run("""import('/ui/row-source.js').then(async ({ RowSource }) => {
        const log = [];
        const timers = [];
        const setTimer = window.setTimeout;
        window.setTimeout = (act, time) => { timers.push([act, time]); return timers.length; };
        window.clearTimeout = (number) => { if (number) timers[number - 1] = null; };
        const row = (id) => ({ dataId: { detector: id } });
        const repository = {
            async* pages(path, body) {
                log.push(['open', body.skip, body.limit]);
                try {
                    for (let id = body.skip; id < Math.min(body.limit, 700); id += 100) {
                        log.push(['page', id]);
                        const rows = Array.from({ length: Math.min(100, 700 - id) }, (_, index) => row(id + index));
                        yield { type: 'data_coordinate', rows };
                    }
                } finally { log.push(['closed']); }
            },
        };
        const source = new RowSource(repository, {}, new AbortController().signal);
        await source.read(150, () => {});
        await source.read(250, () => {});
        log.push(['rests', source.count, timers.filter(Boolean).map(([, time]) => time)]);
        timers.filter(Boolean).forEach(([act]) => act());
        await new Promise((done) => setTimer(done));
        await source.read(10000, () => {});
        log.push(['end', source.count, source.hasMore]);
        const ids = source.rows.rows.map(({ cells }) => cells[0]);
        window.setTimeout = setTimer;
        return [log, ids.every((id, index) => id === index)];
    })""")
    log, is_in_order = found
    assert is_in_order
    assert [entry[0] for entry in log] == [
        "open", "page", "page", "page", "rests", "closed", "open", *["page"] * 5, "closed", "end"]
    assert log[4][1] == 300 and len(log[4][2]) == 1 and 0 < log[4][2][0] <= 3000
    assert log[6] == ["open", 299, 10000] and log[-1] == ["end", 700, False]


def test_rows_that_have_changed_since_are_not_put_together(browser, server):
    browser.open(server + "/ui#/r/odd")
    browser.wait("document.querySelector('.browse h1')")
    message = browser.run("""import('/ui/row-source.js').then(async ({ RowSource }) => {
        let opened = 0;
        const repository = {
            async* pages(path, { skip }) {
                opened += 1;
                for (let id = skip; id < 1000; id += 100) {
                    yield { type: 'data_coordinate', rows: [{ dataId: { detector: id + opened } }] };
                }
            },
        };
        const source = new RowSource(repository, {}, new AbortController().signal);
        await source.read(3, () => {});
        source.release();
        try { await source.read(9, () => {}); } catch (error) { return [error.message, source.count, source.hasMore]; }
    })""")
    assert message == ["The repository has changed since the first rows were read.", 3, False]
