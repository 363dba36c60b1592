"""Repositories of the query tests, made by the Python Butler: the names are those of the query system's checklist."""

import subprocess
import sys
from pathlib import Path

import postgresql
import pytest
from query_service import DIFFERENTIAL, SHARED

PACKAGED = "resource://lsst.daf.butler/tests/registry_data/"
HSC_SUBSET = SHARED / "data" / "daf_butler" / "data" / "registry" / "hsc-rc2-subset.yaml"


def hour(h: int, minute: int = 0):
    from astropy.time import Time

    return Time(f"2020-01-01T{h:02}:{minute:02}:00", format="isot", scale="tai")


def make_repository_a(root: Path):
    """Rubin's small Cam1 repository, with chains, a tag, exposures, calibrations and datasets on the sky."""
    from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan

    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        for name in ("base", "spatial", "datasets"):
            butler.import_(filename=f"{PACKAGED}{name}.yaml", without_datastore=True)
        registry, register = butler.registry, butler.collections.register
        registry.insertDimensionData(
            "instrument",
            {"name": "Cam2", "visit_max": 9, "exposure_max": 9, "detector_max": 2, "class_name": "example.Cam2"},
        )
        registry.insertDimensionData(
            "day_obs", {"instrument": "Cam1", "id": 20200101, "timespan": Timespan(hour(1), hour(5))}
        )
        for i in range(4):
            registry.insertDimensionData("group", {"instrument": "Cam1", "name": f"group{i}"})
            registry.insertDimensionData(
                "exposure",
                {
                    "instrument": "Cam1",
                    "id": i,
                    "obs_id": f"Cam1-{i}",
                    "group": f"group{i}",
                    "day_obs": 20200101,
                    "physical_filter": ("Cam1-G", "Cam1-R1", "Cam1-R2", "Cam1-G")[i],
                    "exposure_time": 10.0 * i,
                    "can_see_sky": (True, False, None, None)[i],
                    "observation_type": ("science", None)[i % 2],
                    "timespan": Timespan(hour(1 + i), hour(2 + i)),
                },
            )
        for run in ("empty", "refcats", "run1"):
            register(run)
        chains = {"chain": ["imported_g", "empty", "imported_r"], "chain2": ["imported_r", "imported_g"]}
        for name, children in chains.items():
            register(name, CollectionType.CHAINED)
            butler.collections.redefine_chain(name, children)

        found = {
            (ref.datasetType.name, ref.run.removeprefix("imported_"), ref.dataId["detector"]): ref
            for ref in butler.query_all_datasets(["imported_g", "imported_r"], find_first=False)
        }
        register("tag", CollectionType.TAGGED)
        registry.associate("tag", [found["flat", "g", detector] for detector in (2, 3)])
        register("calib", CollectionType.CALIBRATION)
        registry.certify("calib", [found["bias", "g", 2]], Timespan(hour(2), hour(4)))
        registry.certify("calib", [found["bias", "g", 3]], Timespan(hour(1), hour(3)))
        registry.certify("calib", [found["bias", "r", 2], found["bias", "r", 3]], Timespan(hour(4), None))

        for name, dimensions in (("cat1", ["htm7"]), ("dt", ["visit", "detector"])):
            registry.registerDatasetType(
                DatasetType(name, dimensions, "StructuredDataDict", universe=butler.dimensions)
            )
        registry.insertDatasets("cat1", [{"htm7": pixel} for pixel in range(253952, 253968)], run="refcats")
        registry.insertDatasets("dt", [{"instrument": "Cam1", "visit": 1, "detector": 1}], run="run1")


def make_repository_h(root: Path):
    """Nothing but the subset of the HSC RC2 data: visits, detectors and sky, and no datasets."""
    from lsst.daf.butler import Butler

    if not HSC_SUBSET.exists():
        pytest.skip(f"no {HSC_SUBSET}, the HSC data that this repository is made of; set STEWARD_SHARED")
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.import_(filename=str(HSC_SUBSET), without_datastore=True)


def make_rich_repository(root: Path, on_postgresql=postgresql.IS_CHOSEN):
    """The repository of the differential tests: thousands of datasets, odd strings, missing values."""
    maker = DIFFERENTIAL / "make_repo.py"
    if not maker.exists() or not HSC_SUBSET.exists():
        pytest.skip(f"no {maker} or no {HSC_SUBSET}, which make the rich repository; set STEWARD_SHARED")
    command = [maker, root, "--hsc-yaml", HSC_SUBSET, "--datastore-root", ""]
    if on_postgresql:
        command += ["--db", f"{postgresql.shared().url}/{postgresql.shared().database()}"]
    subprocess.run(
        [sys.executable, *command],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )


def make_rich_reference(root: Path):
    """The same repository, dataset for dataset, on SQLite: what differs between databases there is SQLite's way."""
    make_rich_repository(root, on_postgresql=False)
