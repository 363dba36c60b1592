"""Compare Steward's configuration defaults, merging and repository files with those of the Python Data Butler.

Runs the executable target `config-probe`: the program in STEWARD_CONFIG_PROBE, else the newest one under .build.
Configurations of the Python software's own tests come from STEWARD_SHARED (default: ../shared beside the package).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

butler = pytest.importorskip("lsst.daf.butler")
from lsst.daf.butler import ButlerConfig, Config, DimensionConfig, DimensionUniverse  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402
from lsst.daf.butler.datastore import DatastoreConfig  # noqa: E402
from lsst.daf.butler.registry import RegistryConfig  # noqa: E402
from lsst.daf.butler.transfers import RepoTransferFormatConfig  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("STEWARD_SHARED") or PACKAGE.parent / "shared")
CONFIGS = SHARED / "data" / "daf_butler" / "config"
ALL_OFF = ("DAF_BUTLER_CONFIG_PATH", "DAF_BUTLER_REPOSITORY_INDEX", "DAF_BUTLER_REPOSITORIES")


def find_probe() -> Path | None:
    if named := os.environ.get("STEWARD_CONFIG_PROBE"):
        return Path(named)
    built = [p for kind in ("debug", "release") if (p := PACKAGE / ".build" / kind / "config-probe").exists()]
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


PROBE = find_probe()
pytestmark = pytest.mark.skipif(
    PROBE is None, reason="config-probe is not built; run swift build --product config-probe or set STEWARD_CONFIG_PROBE"
)
needs_shared = pytest.mark.skipif(not CONFIGS.is_dir(), reason=f"no test configurations in {CONFIGS}; set STEWARD_SHARED")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ALL_OFF:
        monkeypatch.delenv(name, raising=False)


def probe(*arguments, cwd=None) -> str:
    done = subprocess.run([PROBE, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def plain(value):
    """A configuration without Config objects anywhere, lists included."""
    if isinstance(value, Config):
        value = value.toDict()
    if isinstance(value, dict):
        # JSON has only text keys.
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def without_docs(value):
    if isinstance(value, dict):
        return {k: without_docs(v) for k, v in value.items() if k != "doc"}
    if isinstance(value, list):
        return [without_docs(v) for v in value]
    return value


@pytest.mark.parametrize("component", [RegistryConfig, DatastoreConfig, RepoTransferFormatConfig])
def test_component_defaults_are_equal(component):
    ours = json.loads(probe("defaults"))[component.component]
    assert ours == plain(component())


def test_default_storage_classes_are_equal():
    ours = json.loads(probe("defaults"))["storageClasses"]
    theirs = plain(ButlerConfig()["storageClasses"])
    assert ours == theirs
    # The first converter whose type fits is used, so their order counts.
    for name, definition in theirs.items():
        assert list(ours[name].get("converters", {})) == list(definition.get("converters", {})), name


RESOLVED = """
import json, sys
from lsst.daf.butler import StorageClassFactory
factory = StorageClassFactory()
resolved = {}
for name in factory._storageClasses:
    storage_class = factory.getStorageClass(name)
    delegate = storage_class._delegateClassName
    resolved[name] = {
        "pytype": storage_class._pytypeName,
        "delegate": None if delegate == "lsst.daf.butler.StorageClassDelegate" else delegate,
        "components": {k: v.name for k, v in storage_class.components.items()},
        "derivedComponents": {k: v.name for k, v in storage_class.derivedComponents.items()},
        "parameters": sorted(storage_class.parameters),
        "converters": [list(item) for item in storage_class.converters.items()],
        "knownParameters": sorted(storage_class.knownParameters()),
    }
json.dump(resolved, sys.stdout)
"""


def test_resolved_storage_classes_are_equal():
    ours = json.loads(probe("storage-classes"))
    # In a process of its own: converters of packages that are not here go away when something is converted.
    theirs = json.loads(subprocess.check_output([sys.executable, "-c", RESOLVED]))
    assert set(ours) == set(theirs)
    for name, definition in theirs.items():
        assert ours[name] == definition, name


def test_default_dimensions_make_the_same_universe():
    ours = json.loads(probe("defaults"))["dimensions"]
    theirs = DimensionConfig().toDict()
    assert without_docs(ours) == without_docs(theirs)

    universe, reference = DimensionUniverse(DimensionConfig(ours)), DimensionUniverse(DimensionConfig())
    assert universe.elements.names == reference.elements.names
    assert universe.commonSkyPix.name == reference.commonSkyPix.name
    for element in reference.elements:
        mine = universe[element.name]
        assert mine.required.names == element.required.names
        assert mine.implied.names == element.implied.names
        assert [str(c) for c in mine.metadata_columns.names] == [str(c) for c in element.metadata_columns.names]
        assert mine.has_own_table == element.has_own_table
        assert mine.is_cached == element.is_cached
        assert (mine.spatial and mine.spatial.name) == (element.spatial and element.spatial.name)
        assert (mine.temporal and mine.temporal.name) == (element.temporal and element.temporal.name)


def test_default_dimension_docs_are_complete():
    def documented(value, path=()):
        if isinstance(value, dict):
            if "doc" in value:
                yield path
            for key, member in value.items():
                yield from documented(member, (*path, key))
        elif isinstance(value, list):
            for member in value:
                yield from documented(member, (*path, member["name"] if isinstance(member, dict) else member))

    ours = set(documented(json.loads(probe("defaults"))["dimensions"]))
    assert set(documented(DimensionConfig().toDict())) <= ours


def test_created_file_is_equal_byte_for_byte(tmp_path):
    Butler.makeRepo(tmp_path / "repo")
    assert probe("create", tmp_path / "other") == (tmp_path / "repo" / "butler.yaml").read_text()


SEEDS = {
    "none": {},
    "root-and-db": {"datastore": {"root": "/elsewhere"}, "registry": {"db": "sqlite:////elsewhere/x.sqlite3"}},
    "namespace": {"registry": {"namespace": "n"}, "root": "/ignored", "extra": {"a": [1, 2.5, None, True, "ü"]}},
    "doubled": {"datastore": {"datastore": {"checksum": True, "records": {"table": "t"}}}},
    "manager-mapping": {"registry": {"managers": {"datasets": {"cls": RegistryConfig()["managers", "datasets"]}}}},
    "obscore": {"registry": {"managers": {"obscore": {"cls": "a.ObsCore", "config": {"version": 0, "table": "t"}}}}},
    "obscore-without-config": {"registry": {"managers": {"obscore": {"cls": "a.ObsCore"}}}},
    "memory": {"datastore": {"cls": "lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore"}},
    "chain": {
        "datastore": {
            "cls": "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore",
            "datastores": [
                {"datastore": {"cls": "lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore"}},
                {"datastore": {"root": "<butlerRoot>/a", "name": "A", "templates": {"default": "{run}/{id}"}}},
                {"cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore", "records": {"table": "second"}},
            ],
        }
    },
}


@pytest.mark.filterwarnings("ignore:Obscore manager is declared")
@pytest.mark.parametrize("options", [(), ("standalone",), ("override",), ("standalone", "override")], ids="+".join)
@pytest.mark.parametrize("seed", SEEDS)
def test_created_files_are_equal_with_seed_and_options(tmp_path, seed, options):
    file = tmp_path / "seed.yaml"
    file.write_text(yaml.safe_dump(SEEDS[seed]))
    config, _ = Butler._make_repo_butler_config(
        tmp_path / "repo",
        config=str(file),
        standalone="standalone" in options,
        forceConfigRoot="override" not in options,
    )
    ours = probe("create", tmp_path / "other", f"seed={file}", *options)
    theirs = (tmp_path / "repo" / "butler.yaml").read_text()
    assert yaml.safe_load(ours) == yaml.safe_load(theirs)
    if "&id001" not in theirs:
        # Python marks objects that appear twice by anchors.
        assert ours == theirs


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_created_outfile_names_the_root(tmp_path, suffix):
    Butler._make_repo_butler_config(tmp_path / "repo", outfile=tmp_path / f"out.{suffix}")
    ours = probe("create", tmp_path / "repo", f"outfile={tmp_path / f'out.{suffix}'}")
    theirs = (tmp_path / f"out.{suffix}").read_text()
    assert yaml.safe_load(ours) == yaml.safe_load(theirs)
    if suffix == "yaml":
        assert ours == theirs


@needs_shared
@pytest.mark.parametrize("file", sorted((CONFIGS / "basic").glob("butler*.yaml")) + [CONFIGS / "basic" / "server.yaml"],
                         ids=lambda p: p.name)
def test_repository_configurations_expand_equally(file):
    assert json.loads(probe("expanded", file)) == plain(ButlerConfig(str(file)))


@needs_shared
@pytest.mark.parametrize("name", ["testinclude.yaml", "configIncludes.yaml", "configIncludes.json",
                                  "configIncludesEnv.yaml", "testconfig_empty.yaml"])
def test_includes_are_resolved_equally(name, monkeypatch):
    monkeypatch.setenv("SPECIAL_BUTLER_DIR", str(CONFIGS / "testConfigs" / "test3"))
    file = CONFIGS / "testConfigs" / name
    assert json.loads(probe("document", file)) == plain(Config(str(file)))


@needs_shared
def test_the_search_path_is_merged_equally(monkeypatch):
    monkeypatch.setenv("DAF_BUTLER_CONFIG_PATH", str(CONFIGS / "testConfigs") + ":" + str(CONFIGS / "basic"))
    file = CONFIGS / "basic" / "butler.yaml"
    ours, theirs = json.loads(probe("expanded", file)), plain(ButlerConfig(str(file)))
    assert ours == theirs
    assert ours["datastore"]["records"]["table"] == "override_record"
