"""What cannot be written, or should not: each is refused with one error, by Steward as by Python where that has the notion, and
the repository is as it was.
"""

import os
import resource
import shutil
import subprocess
import threading

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, asked, needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, files, state  # noqa: E402
from lsst.daf.butler import Butler, DatasetType  # noqa: E402
from registry_tables import contents  # noqa: E402
from test_exchange_safety import archive, export  # noqa: E402
from test_repositories import PROBE, Steward  # noqa: E402

pytestmark = [needs_binary, pytest.mark.skipif(PROBE is None, reason="butler-probe is not built; run swift build")]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad") / "repository"
    fill(root)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "physical_filter",
            {"instrument": "Cam", "name": "f1", "band": "r"},
            {"instrument": "Cam", "name": "f2", "band": "g"},
        )
        butler.registry.insertDimensionData("day_obs", {"instrument": "Cam", "id": 20260101})
        butler.registry.insertDimensionData("group", {"instrument": "Cam", "name": "g1"})
        butler.registry.insertDimensionData(
            "exposure",
            {
                "instrument": "Cam", "id": 1, "obs_id": "e1", "physical_filter": "f1", "day_obs": 20260101, "group": "g1",
            },  # fmt: skip
        )
        for name, dimensions, storage_class in (
            ("exposed", ["exposure", "detector"], "StructuredDataDict"),
            ("filtered", ["physical_filter", "detector"], "StructuredDataDict"),
            ("whole", ["detector"], "int"),
            ("listed", ["detector"], "StructuredDataList"),
            ("table", ["detector"], "ArrowAstropy"),
        ):
            butler.registry.registerDatasetType(
                DatasetType(name, dimensions, storage_class, universe=butler.dimensions)
            )
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


def everything(root):
    tables = contents(root)
    # A failed transaction of Python's leaves no rows either, but may have made empty tables of its own.
    return {name: found for name, found in tables.items() if found}, files(root)


CAM = {"instrument": "Cam"}
#: What is put: the type, the data ID, the run, the value.
PUTS = {
    "another dataset of the same data ID": ("count", {**CAM, "detector": 1}, "run/a", {}),
    "a missing record": ("count", {**CAM, "detector": 77}, "run/a", {}),
    "a missing governor": ("count", {"instrument": "Nowhere", "detector": 1}, "run/a", {}),
    "a dimension too few": ("count", CAM, "run/a", {}),
    "an unknown dimension": ("count", {**CAM, "detector": 5, "colour": "red"}, "run/a", {}),
    "a text for a number": ("count", {**CAM, "detector": "five"}, "run/a", {}),
    "an unknown type": ("nosuch", {**CAM, "detector": 5}, "run/a", {}),
    "a component": ("count.part", {**CAM, "detector": 5}, "run/a", {}),
    "a missing run": ("count", {**CAM, "detector": 5}, "run/nosuch", {}),
    "a tag for a run": ("count", {**CAM, "detector": 5}, "tag", {}),
    "a chain for a run": ("count", {**CAM, "detector": 5}, "chain", {}),
    "a list for a mapping": ("count", {**CAM, "detector": 5}, "run/a", [1, 2]),
    "a mapping for a number": ("whole", {**CAM, "detector": 5}, "run/a", {"a": 1}),
    "a text for an integer": ("whole", {**CAM, "detector": 5}, "run/a", "five"),
    "a number for a table": ("table", {**CAM, "detector": 5}, "run/a", 5),
    "a class without formatter": ("listed", {**CAM, "detector": 5}, "run/a", [1]),
}


@pytest.mark.parametrize("case", PUTS)
def test_puts_that_python_refuses(root, case):
    kind, data_id, run, value = PUTS[case]
    before = everything(root)
    with Steward(root, writeable=True) as probe:
        answer = probe.ask("put", type=kind, data_id=data_id, run=run, value=value)
    assert answer.get("error") and "\n" not in answer["message"], answer
    assert everything(root) == before
    with Butler.from_config(str(root), writeable=True) as butler:
        with pytest.raises(Exception):
            butler.put(value, kind, dataId=data_id, run=run)
    check_whole(root)


def test_references_that_contradict_what_is_there(root):
    with Steward(root, writeable=True) as probe:
        known = probe.do("put", type="count", data_id={**CAM, "detector": 5}, run="run/a", value={})["id"]
        before = everything(root)
        other = "01234567-89ab-7def-8123-456789abcdef"
        place = {"type": "count", "data_id": {**CAM, "detector": 5}, "run": "run/a"}
        for id, changes in (
            # The datastore has it; the run has another; type, run or record are not there.
            (known, {}), (other, {}), (other, {"run": "run/nosuch"}), (other, {"type": "nosuch"}),
            (other, {"data_id": {**CAM, "detector": 77}}),
        ):  # fmt: skip
            answer = probe.ask("put_ref", id=id, value={}, **{**place, **changes})
            assert answer.get("error") and "\n" not in answer["message"], answer
            assert everything(root) == before
        source = {"path": "/nowhere.yaml", "datasets": [{"id": known, **place}]}
        assert probe.ask("ingest", files=[source], transfer="copy")["error"] == "conflicting_definition"
        probe.do("ingest", files=[source], transfer="copy", skip_existing=True)
        assert everything(root) == before
    check_whole(root)


@pytest.mark.parametrize(
    "kind, given",
    [
        ("filtered", {"physical_filter": "f1", "band": "g"}),
        # Some of several, which Python drops in silence.
        ("exposed", {"exposure": 1, "band": "g"}),
        ("exposed", {"exposure": 1, "band": "r", "physical_filter": "f2"}),
        ("exposed", {"exposure": 1, "day_obs": 20260102}),
    ],
)
def test_implied_values_that_contradict_the_records(root, tmp_path, kind, given):
    before = everything(root)
    with Steward(root, writeable=True) as probe:
        answer = probe.ask("put", type=kind, data_id={**CAM, "detector": 1, **given}, run="run/a", value={})
    assert answer["error"] == "inconsistent_data_id"
    table = tmp_path / "table.csv"
    table.write_text(f"file,instrument,detector,{','.join(given)}\nx.json,Cam,1,{','.join(map(str, given.values()))}\n")
    (tmp_path / "x.json").write_text("{}")
    result = steward("ingest-files", str(root), kind, "run/a", str(table), "--prefix", str(tmp_path), "-t", "copy")
    assert result.status != 0, result.output
    assert "follows" in result.errors or "implies" in result.errors, result.errors
    assert everything(root) == before


def test_implied_values_that_agree_with_the_records(root):
    given = {"exposure": 1, "band": "r", "day_obs": 20260101}
    with Steward(root, writeable=True) as probe:
        probe.do("put", type="exposed", data_id={**CAM, "detector": 1, **given}, run="run/a", value={"n": 1})
    with Butler.from_config(str(root)) as butler:
        assert butler.get("exposed", CAM, exposure=1, detector=1, collections="run/a") == {"n": 1}


NAMES = [
    "a b", "a#b", "a/b/c", "/a", "a/", "é", "漢字/ü", "a*b", "a?b", "a,b", "a:b", "..", "a/../b", "../b", "a\nb", "%41", "'; --",
    "x" * 10_000, "x/" * 2_000 + "x", "é" * 200, "a\\b", "a|b", '"', "~", "-x", " ", ".steward", "zips", "a/$HOME", "${HOME}/b",
    "$STEWARD_NO_SUCH", "a$", "$5", "%24HOME/a", "a/%24HOME", "%7Eroot/a", "$FOO_DIR/a",
    "${FOO_DIR}/a",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_runs_of_all_names(root, name):
    """What Steward puts into a run of such a name Python gets, or it is refused and nothing has happened."""
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.register(name)
    before = everything(root)
    with Steward(root, writeable=True) as probe:
        answer = probe.ask("put", type="count", data_id={**CAM, "detector": 5}, run=name, value={"name": name})
        if "error" in answer:
            assert "\n" not in answer["message"].replace(name, "")
            assert everything(root) == before
            return
        with Butler.from_config(str(root)) as butler:
            assert butler.get("count", CAM, detector=5, collections=name) == {"name": name}
        assert probe.do("get", id=answer["id"])["value"] == {"name": name}
        assert probe.do("prune", ids=[answer["id"]], unstore=True, purge=True, disassociate=True)["files"] == 1
    assert files(root) == before[1]


def test_what_is_there_does_not_come_again(root, tmp_path):
    (tmp_path / "one.yaml").write_text("a: 1\n")
    (tmp_path / "table.csv").write_text(f"file,instrument,detector\n{tmp_path}/one.yaml,Cam,5\n")
    packed = archive(root, tmp_path / "archive")
    export(root, tmp_path / "export")
    for line in (
        ("ingest-files", str(root), "count", "run/n", str(tmp_path / "table.csv"), "-t", "copy"),
        ("ingest-files", str(root), "count", "run/n", str(tmp_path / "table.csv"), "-t", "copy"),
        ("ingest-zip", str(root), str(packed)),
        ("import", str(root), str(tmp_path / "export"), "-t", "copy"),
    ):
        before = everything(root)
        ours = steward(*line)
        if "run/n" in line and before[0]["dataset"] and not any("run/n" in path for path in before[1]):
            assert ours.status == 0
            continue
        assert ours.status == 1 and ours.errors.count("error:") == 1
        assert everything(root) == before
        # Python refuses, too, but may take away files.
        other = shutil.copytree(root, tmp_path / "other")
        assert asked(line[0], str(other), *line[2:]).status == 1
        shutil.rmtree(other)
    check_whole(root)


def test_sources_that_vanish_meanwhile(root, tmp_path):
    """Files go while they are taken: all datasets come, or none."""
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "detector",
            *[{"instrument": "Cam", "id": i, "full_name": f"E{i}", "purpose": "SCIENCE"} for i in range(100, 400)],
        )
    outcomes = set()
    for trial in range(6):
        work = shutil.copytree(root, tmp_path / f"trial{trial}")
        sources = tmp_path / f"sources{trial}"
        sources.mkdir()
        for number in range(100, 400):
            (sources / f"{number}.yaml").write_text(f"number: {number}\n" + "#" * 20_000)
        lines = "".join(f"{sources}/{number}.yaml,Cam,{number}\n" for number in range(100, 400))
        (sources / "table.csv").write_text("file,instrument,detector\n" + lines)
        before = everything(work)
        process = subprocess.Popen(
            [BINARY, "butler", "ingest-files", work, "count", "run/n", sources / "table.csv", "-t", "copy"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        delay = threading.Event()
        delay.wait(0.03 * trial)
        (sources / "399.yaml").unlink()
        _, errors = process.communicate()
        outcomes.add(process.returncode)
        if process.returncode == 0:
            check_whole(work)
        else:
            assert str(sources / "399.yaml") in errors
            assert everything(work) == before
        assert not (work / ".steward").exists()
    assert 1 in outcomes


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="acts as another user")
@pytest.mark.parametrize(
    "line",
    [
        "prune-datasets REPO run/a --unstore --no-confirm",
        "remove-runs REPO run/a --no-confirm --force",
        "associate REPO new -d count --collections run/a",
        "register-dataset-type REPO new int detector",
        "ingest-files REPO count run/n TABLE -t copy",
        "import REPO EXPORT -t copy",
        "ingest-zip REPO ZIP",
        "transfer-datasets REPO REPO",
    ],
)
def test_repositories_that_may_only_be_read(root, tmp_path, line):
    (tmp_path / "one.yaml").write_text("a: 1\n")
    (tmp_path / "table.csv").write_text(f"file,instrument,detector\n{tmp_path}/one.yaml,Cam,5\n")
    packed = archive(root, tmp_path / "archive")
    export(root, tmp_path / "export")
    before = everything(root)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for folder in tmp_path.parents:
        if str(folder) == "/tmp":
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    names = {"REPO": root, "TABLE": tmp_path / "table.csv", "EXPORT": tmp_path / "export", "ZIP": packed}
    prefix = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, BINARY, "butler", *[str(names.get(word, word)) for word in line.split()]], capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.count("error:") == 1, done.stderr
    assert everything(root) == before


def bomb(levels=12, width=9):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        bomb(),
        "description: Butler Data Repository Export\nversion: 1.0.2\nuniverse_version: 7\ndata: &d [*d]\n",
        "description: x\nversion: 1.0.2\ndata: " + "[" * 100_000 + "]" * 100_000 + "\n",
        "description: x\nversion: 1.0.2\ndata: !!python/object/apply:os.system ['touch /tmp/owned']\n",
        "description: x\nversion: 9.0.0\ndata: []\n",
        "- 1\n- 2\n",
        "",
        "\x00\x01\x02",
    ],
    ids=["bomb", "loop", "depth", "tag", "version", "list", "empty", "binary"],
)
def test_export_files_that_are_none(root, tmp_path, text):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "export.yaml").write_text(text)
    before = everything(root)
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20))  # noqa: E731
    done = subprocess.run(
        [BINARY, "butler", "import", root, folder], capture_output=True, text=True, preexec_fn=limit
    )
    assert done.returncode == 1 and done.stderr.count("error:") == 1, done.stderr
    assert everything(root) == before
    assert not os.path.exists("/tmp/owned")
