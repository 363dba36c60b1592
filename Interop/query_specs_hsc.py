"""Random query specs for the fixture repository hsc-rc2.

The generator of ../shared/harness/differential speaks of the dataset types and collections of the rich repository. Here
it gets a catalog of the fixture, in which dataset types have the rich repository's names, and what it makes is then
translated. A collection may stand for several: then it becomes a list, but the first of them in a text or an argument.

As a program: query_specs_hsc.py REPOSITORY SEED NUMBER > specs.jsonl
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from query_service import DIFFERENTIAL

DATASET_TYPES = {
    "raw": "rawSummary",
    "calexp": "calexp_metadata",
    "src": "srcCount",
    "visitSummary": "visitTable",
    "nightReport": "visitTimespan",
    "visitTract": "numpyTable",
    "deepCoadd": "coaddSummary",
    "objectTable": "arrowTable",
    "skyMap": "ecsvTable",
    "refcat": "refCat",
    "hips": "hpxSummary",
    "packages": "packages",
    "bias": "qeCurve",
    "flat": "flatCoeffs",
    "camera": "bias",
    "fgcmLookUpTable": "flat",
    "neverWritten": "neverUsed",
}
FIRST, SECOND = "HSC/runs/RC2/DM-00001", "HSC/runs/RC2/DM-00002"
COLLECTIONS = {
    "HSC/raw/all": [FIRST],
    "HSC/runs/a": [FIRST],
    "HSC/runs/b": [SECOND],
    "HSC/runs/ab": [FIRST, SECOND],
    "HSC/runs/ba": ["HSC/runs/RC2"],
    "HSC/calib/gen1": ["HSC/calib/gen/2026A"],
    "HSC/calib/gen2": ["HSC/calib/gen/2026A/b"],
    "HSC/calib/alt": ["HSC/calib/gen/2026A/b", "HSC/calib"],
    "HSC/calib/empty": ["HSC/calib/gen/2026A/b"],
    "HSC/empty": ["HSC/edge/no-region"],
    "HSC/tagged/best": ["HSC/best"],
    "HSC/tagged/few": ["HSC/best"],
    "HSC/tagged/empty": ["HSC/empty-chain"],
    "HSC/all": ["HSC/best", "HSC/defaults"],
    "HSC/deep": ["HSC/defaults", "imported_g"],
    "skymaps": [FIRST],
    "refcats": [FIRST],
    "u/someone/odd_run": ["HSC/edge/no-region"],
    "Cam1/raw": ["imported_r"],
    "Cam1/calibs": ["imported_g"],
    "Cam1/defaults": ["imported_r", "imported_g"],
    "everything": ["HSC/defaults", "imported_r", "imported_g"],
    "emptyChain": ["HSC/empty-chain"],
}
TYPE_IN_TEXT = re.compile(rf"\b({'|'.join(DATASET_TYPES)})(?=\.)")
COLLECTION_IN_TEXT = re.compile(rf"'({'|'.join(sorted(COLLECTIONS, key=len, reverse=True))})'")


def catalog(repository: Path) -> dict:
    """Sample values of the fixture, under the generator's names."""
    from lsst.daf.butler import Butler

    sys.path.insert(0, str(DIFFERENTIAL))
    import make_repo

    with tempfile.TemporaryDirectory() as folder, Butler.from_config(str(repository)) as butler:
        make_repo.write_catalog(butler, folder)
        found = json.loads((Path(folder) / "catalog.json").read_text())
    spoken = {mine: rich for rich, mine in DATASET_TYPES.items()}
    for part in ("dataset_types", "uuids"):
        found[part] = {spoken[name]: value for name, value in found[part].items() if name in spoken}
    for collection in found["collections"].values():
        if "dataset_types" in collection:
            collection["dataset_types"] = [spoken[n] for n in collection["dataset_types"] if n in spoken]
    for name, children in COLLECTIONS.items():
        found["collections"].setdefault(name, {"type": "CHAINED", "children": children})
    return found


def translated(value, positional=False):
    """A spec, or a part of one, in the names of the fixture; several collections for one are spliced into a list."""
    if isinstance(value, dict):
        return {translated_text(key): translated(item, positional=key == "args") for key, item in value.items()}
    if isinstance(value, list):
        result = []
        for item in value:
            names = COLLECTIONS.get(item) if isinstance(item, str) else None
            result.extend([translated(item)] if names is None else names[:1] if positional else names)
        return result
    return translated_text(value) if isinstance(value, str) else value


def translated_text(text: str):
    if text in COLLECTIONS:
        names = COLLECTIONS[text]
        return names[0] if len(names) == 1 else names
    text = TYPE_IN_TEXT.sub(lambda match: DATASET_TYPES[match[1]], text)
    text = COLLECTION_IN_TEXT.sub(lambda match: f"'{COLLECTIONS[match[1]][0]}'", text)
    return DATASET_TYPES.get(text, text)


def specs(repository: Path, seed: int, number: int):
    """The same specs for the same repository and seed."""
    known = catalog(repository)
    from gen_queries import Gen

    class FixtureGen(Gen):
        def dim_required(self, dims):
            return super().dim_required(dims) + [d for d in dims if d.startswith("healpix")]

    generator = FixtureGen(seed, known, 0.08)
    for i in range(number):
        yield translated(json.loads(json.dumps(generator.one(i))))


if __name__ == "__main__":
    for spec in specs(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
        print(json.dumps(spec, ensure_ascii=False))
