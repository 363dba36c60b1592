"""Repositories for the tests of export, import and zip archives, and what is in them."""

import json
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
import yaml
from command_line import BINARY, FIXTURES
from lsst.daf.butler import Butler, CollectionType

warnings.filterwarnings("ignore")
PROBE = BINARY.parent / "butler-probe"
NAMES = ["hsc-rc2", "custom", *(f"universe-{number}" for number in range(8))]
FORMATTERS = Path(__file__).resolve().parent
sys.path.append(str(FORMATTERS))


def copied(name: str, folder: Path) -> str:
    """A fixture repository that may be changed."""
    target = folder / name
    shutil.copytree(FIXTURES / name, target)
    return str(target)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Copies of the fixtures, made when first asked for."""
    folder = tmp_path_factory.mktemp("sources")
    known = {}

    def source(name):
        if name not in known:
            known[name] = copied(name, folder)
        return known[name]

    return source


def empty_like(repository: str, folder: Path, name: str) -> str:
    """A new repository with the universe and the storage classes of another."""
    with Butler.from_config(repository) as butler:
        dimensions = butler.dimensions.dimensionConfig
        own = yaml.safe_load((Path(repository) / "butler.yaml").read_text())
    seed = {key: own[key] for key in ("storageClasses",) if key in own}
    formatters = own.get("datastore", {}).get("datastores", [{}, {}])
    if len(formatters) > 1 and "formatters" in formatters[1]:
        seed["datastore"] = {"formatters": formatters[1]["formatters"]}
    from lsst.daf.butler import Config

    target = folder / name
    Butler.makeRepo(str(target), config=Config(seed), dimensionConfig=dimensions)
    return str(target)


def probe(repository: str, *commands: dict) -> list:
    done = subprocess.run(
        [PROBE, repository],
        input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for answer in answers:
        assert not (isinstance(answer, dict) and "error" in answer), answer
    return answers


def exportable(butler: Butler) -> list:
    """Expanded references of the datasets with one file of their own, or one that no other export would overwrite."""
    refs = {}
    for dataset_type in butler.registry.queryDatasetTypes():
        for ref in butler.registry.queryDatasets(dataset_type, collections="*"):
            refs[ref.id] = ref
    found = []
    paths = set()
    for ref in sorted(refs.values(), key=lambda ref: (ref.datasetType.name, ref.run, ref.dataId)):
        if not butler.stored(ref):
            continue
        uris = butler.getURIs(ref)
        if uris.componentURIs or uris.primaryURI.fragment or str(uris.primaryURI) in paths:
            continue
        paths.add(str(uris.primaryURI))
        found.append(ref.expanded(butler.registry.expandDataId(ref.dataId)))
    return found


def value(butler: Butler, ref) -> str:
    """What a dataset holds, for comparisons: the text of the object, or the bytes of its file where it has no class."""
    try:
        found = butler.get(ref)
    except Exception:
        return raw(butler, ref)
    text = found.to_pandas().to_json() if hasattr(found, "to_pandas") else repr(found)
    return raw(butler, ref) if " at 0x" in text else text


def raw(butler: Butler, ref) -> str:
    """The bytes of a dataset's file, also of one in an archive."""
    uri = butler.getURI(ref)
    if not uri.fragment:
        return uri.read().hex()
    with zipfile.ZipFile(uri.ospath) as archive:
        return archive.read(uri.unquoted_fragment.removeprefix("zip-path=")).hex()


def content(repository: str, ids: set) -> dict:
    """All that an export of these datasets has to carry."""
    with Butler.from_config(repository) as butler:
        refs = [ref for ref in map(butler.get_dataset, ids) if ref is not None]
        refs = [ref.expanded(butler.registry.expandDataId(ref.dataId)) for ref in refs]
        records = {
            (record.definition.name, tuple(record.dataId.required_values)): record.toDict()
            for ref in refs
            for record in (ref.dataId.records[element] for element in ref.dataId.dimensions.elements)
            if record is not None
        }
        memberships = set()
        for dataset_type in {ref.datasetType for ref in refs}:
            kinds = {CollectionType.TAGGED, CollectionType.CALIBRATION} if dataset_type.isCalibration() else {
                CollectionType.TAGGED
            }
            for found in butler.registry.queryDatasetAssociations(
                dataset_type, "*", collectionTypes=kinds, flattenChains=False
            ):
                if found.ref.id in ids:
                    memberships.add((found.collection, found.ref.id, str(found.timespan)))
        collections = {
            info.name: (info.type.name, info.doc or "", tuple(info.children))
            for info in butler.collections.query_info("*", include_doc=True, include_chains=True, flatten_chains=False)
        }
        return {
            "datasets": {
                ref.id: (ref.datasetType, ref.run, tuple(ref.dataId.required_values), value(butler, ref))
                for ref in refs
            },
            "records": records,
            "memberships": memberships,
            "collections": collections,
        }
