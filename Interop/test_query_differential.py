"""Random queries on the Python DirectButler and, through the Python client, on `steward serve`: the results must agree.

The generator and the comparison are those of ../shared/harness/differential; its README tells how results are compared.
STEWARD_QUERY_SPECS is the number of specs for a seed, 400 unless set, and STEWARD_QUERY_SEEDS the seeds, else `1,2`:
twenty thousand specs over five seeds are STEWARD_QUERY_SPECS=4000 STEWARD_QUERY_SEEDS=1,2,3,4,5. The fixture hsc-rc2
gets three eighths of that number, and only the first seed unless the seeds are named.

With STEWARD_TEST_DATABASE=postgresql the rich repository that is served is on PostgreSQL. The Python DirectButler that it
is compared with stays on SQLite, because there the Python software orders NULL otherwise, and takes ambiguous calibrations.

With STEWARD_CHECK_REFERENCE=1 the Python server is compared with the Python DirectButler; query_service.py tells more.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from query_service import DIFFERENTIAL, PACKAGE  # noqa: E402

NUMBER = int(os.environ.get("STEWARD_QUERY_SPECS") or 400)
SEEDS = [int(seed) for seed in (os.environ.get("STEWARD_QUERY_SEEDS") or "1,2").split(",")]
FIXTURES = Path(os.environ.get("STEWARD_FIXTURES") or PACKAGE / ".interop" / "fixtures")
# By repository and seed, the specs that the Python client itself cannot build: the normal form of `where` explodes.
UNBUILDABLE = {("rich", 1): {1159}}

# The Python software failed within; the comparison takes no rows for an answer to that, and so are these.
NOTHING = re.compile(
    r"^FAIL .* reference had internal error ((?!^FAIL )[\s\S])*? but other returned value (0|false|\[\])$", re.MULTILINE
)

pytestmark = pytest.mark.skipif(
    not (DIFFERENTIAL / "run_diff.py").exists(), reason=f"no {DIFFERENTIAL}; set STEWARD_SHARED"
)


@pytest.fixture(scope="session")
def hsc_repository():
    root = FIXTURES / "hsc-rc2"
    if not root.exists():
        pytest.skip(f"no fixture repository {root}; set STEWARD_FIXTURES")
    return root


def rich_specs(seed):
    command = [sys.executable, DIFFERENTIAL / "gen_queries.py", "--seed", str(seed), "--n", str(NUMBER)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    skipped = UNBUILDABLE.get(("rich", seed), set())
    return [spec for spec in map(json.loads, lines) if spec["id"] not in skipped]


def hsc_specs(repository, seed):
    import query_specs_hsc

    return list(query_specs_hsc.specs(repository, seed, max(1, NUMBER * 3 // 8)))


def agree(repository, service, specs, folder):
    """Runs the specs on both sides; fails with what differs."""
    file = folder / "specs.jsonl"
    file.write_text("".join(json.dumps(spec) + "\n" for spec in specs))
    run = subprocess.run(
        [sys.executable, DIFFERENTIAL / "run_diff.py", "--repo", repository, "--server", service.url, "--specs", file],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600 + 2 * len(specs),
    )
    summary = re.search(r"^(\d+) passed, (\d+) failed\n\Z", run.stdout, re.MULTILINE)
    passed, failed = map(int, summary.groups()) if summary else (0, 0)
    if passed + failed != len(specs) or failed != len(NOTHING.findall(run.stdout)):
        pytest.fail(f"{passed} passed, {failed} failed\n{run.stdout}\n{run.stderr[-3000:]}", pytrace=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rich_repository(seed, rich_repository, rich_reference, servers, tmp_path):
    agree(rich_reference, servers.of(rich_repository), rich_specs(seed), tmp_path)


@pytest.mark.parametrize("seed", SEEDS if "STEWARD_QUERY_SEEDS" in os.environ else SEEDS[:1])
def test_the_hsc_repository(seed, hsc_repository, servers, tmp_path):
    agree(hsc_repository, servers.of(hsc_repository), hsc_specs(hsc_repository, seed), tmp_path)
