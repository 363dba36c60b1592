"""Compare the commands of `steward butler` that list with Rubin's `butler`: the same command lines, the same standard
output, byte for byte, and the same exit status.

Runs over a repository made here and, where STEWARD_FIXTURES names a directory of fixture repositories, over those too. `check` says what the remarks after a colon mean.
"""

import shlex

import pytest
from command_line import check, fixtures, made, needs_binary, steward, upstream  # noqa: F401

pytestmark = needs_binary


COLLECTIONS = [
    "query-collections REPO",
    "query-collections REPO '*'",
    *(f"query-collections REPO --chains {style}" for style in ("TABLE", "inverse-table", "Tree", "INVERSE-TREE")),
    *(f"query-collections REPO --chains {style}" for style in ("flatten", "no-children")),
    *(
        f"query-collections REPO -t --chains {style}"
        for style in ("table", "inverse-table", "tree", "inverse-tree", "flatten", "no-children")
    ),
    "query-collections REPO --show-dataset-types --exclude-dataset-types '*'",
    "query-collections REPO -t --exclude-dataset-types 'f*,[ab]*' --exclude-dataset-types zero",
    "query-collections REPO --exclude-dataset-types '' -t",
    "query-collections REPO --collection-type run",
    "query-collections REPO --collection-type RUN --collection-type Calibration --chains table",
    "query-collections REPO --collection-type chained",
    "query-collections REPO --collection-type tagged --chains table",
    "query-collections REPO --collection-type calibration --chains inverse-table -t",
    "query-collections REPO 'no such*'",
    "query-collections REPO 'no such*' --chains table -t",
    "query-collections REPO nosuch : status",
    "query-collections REPO nosuch,neither : status",
    "query-collections REPO --chains nosuch : status",
    "query-collections REPO --collection-type run,tagged : status",
    "query-collections REPO --nosuch : status",
    "query-collections : status",
]

DATASET_TYPES = [
    "query-dataset-types REPO",
    "query-dataset-types REPO -v",
    "query-dataset-types REPO --verbose '*'",
    "query-dataset-types REPO nosuch",
    "query-dataset-types REPO nosuch -v",
    "query-dataset-types REPO 'no*such*'",
    "query-dataset-types REPO 1a",
    "query-dataset-types REPO '*a*,nosuch' -v",
    "query-dataset-types REPO '[fs]*'",
    "query-dataset-types REPO --collections '*'",
    "query-dataset-types REPO --collections 'nosuch*'",
    "query-dataset-types REPO --collections nosuch : status",
    "query-dataset-types REPO a.b : status",
]

DATASETS = [
    "query-datasets REPO",
    "query-datasets REPO '*' --collections '*'",
    "query-datasets REPO '*' --collections '*' --limit 0",
    "query-datasets REPO '*' --collections '*' --limit 3 : count",
    "query-datasets REPO '*' --collections '*' --limit -3 : count",
    "query-datasets REPO '*' --collections '*' --no-find-first",
    "query-datasets REPO nosuch --collections '*'",
    "query-datasets REPO nosuch,neither --collections '*'",
    "query-datasets REPO 'no*such' --collections '*'",
    "query-datasets REPO nosuch --collections neither",
    "query-datasets REPO 1a --collections '*'",
    "query-datasets REPO a.b --collections '*'",
    "query-datasets REPO '*' --collections nosuch : status",
    "query-datasets REPO '*' --collections '*' --find-first : status",
    "query-datasets REPO nosuch --collections '*' --find-first : status",
    "query-datasets REPO nosuch --find-first : status",
    "query-datasets REPO '*' --collections '*' --order-by instrument : status",
    "query-datasets REPO '*' --limit x : status",
    "query-datasets REPO --collections : status",
]

MADE = [
    "query-collections REPO outer",
    "query-collections REPO outer,'run/*' --chains table",
    "query-collections REPO outer,inner --chains flatten",
    "query-collections REPO inner,outer,inner --chains no-children",
    "query-collections REPO nothing --chains flatten",
    "query-collections REPO 'run/[a,b]' --chains no-children",
    "query-collections REPO '[i,o]*,best,run/[!a]' --chains no-children",
    "query-collections REPO 'n*,inner,*b' --chains no-children",
    "query-collections REPO '*e*,run/b' --chains flatten",
    "query-datasets REPO 'count,[s,z]*' --collections '*'",
    "query-collections REPO nothing --chains table -t",
    "query-collections REPO 'run/*' --chains inverse-table -t",
    "query-dataset-types REPO --collections run/a,calib",
    "query-dataset-types REPO --collections outer -v",
    "query-dataset-types REPO '*_log' --collections outer",
    "query-datasets REPO count --collections run/a,run/b",
    "query-datasets REPO count --collections run/a --collections run/b --find-first",
    "query-datasets REPO count,summary --collections run/b,run/a --find-first",
    "query-datasets REPO count --collections outer --find-first",
    "query-datasets REPO summary --collections inner",
    "query-datasets REPO summary --collections inner --limit -6 : count",
    "query-datasets REPO summary --collections inner --limit=-8",
    "query-datasets REPO summary --collections inner --limit 3 : count",
    "query-datasets REPO summary --collections run/a --order-by -visit,detector",
    "query-datasets REPO summary --collections run/a --order-by detector --order-by -visit --limit 2",
    "query-datasets REPO summary --collections inner --order-by nosuch : status",
    "query-datasets REPO flat --collections calib",
    "query-datasets REPO flat --collections '*'",
    "query-datasets REPO flat --collections calib/run,calib --find-first",
    "query-datasets REPO flat --collections calib --find-first : status",
    "query-datasets REPO 'f*' --collections outer --find-first : status",
    "query-datasets REPO zero --collections '*'",
    "query-datasets REPO unused_log --collections '*' : status",
    "query-datasets REPO count --collections nosuch : status",
    "query-datasets REPO unused_log,zero --collections '*'",
    "query-datasets REPO '*' --collections '*' --show-uri",
    "query-datasets REPO flat,zero --collections '*' --show-uri",
    "query-datasets REPO summary --collections run/a --order-by -visit,detector --show-uri",
    *(
        f"query-dimension-records REPO {element}"
        for element in ("instrument", "detector", "physical_filter", "band", "visit", "day_obs", "skymap", "tract")
    ),
    "query-dimension-records REPO visit --no-check",
    "query-dimension-records REPO tract --no-check",
    "query-dimension-records REPO detector --limit -4",
    "query-dimension-records REPO detector --limit 2 : count",
    "query-dimension-records REPO detector --limit -2 : count",
    "query-dimension-records REPO detector --order-by -detector",
    "query-dimension-records REPO detector --order-by raft,-full_name",
    "query-dimension-records REPO visit --order-by -visit.timespan.begin",
    "query-dimension-records REPO visit --order-by visit.name",
    "query-dimension-records REPO visit --order-by visit.id,instrument",
    "query-dimension-records REPO visit --order-by timespan.begin : status",
    "query-dimension-records REPO visit --order-by visit.timespan : status",
    "query-dimension-records REPO visit --order-by name : status",
    "query-dimension-records REPO visit --order-by id : status",
    "query-dimension-records REPO visit --order-by physical_filter,-visit.exposure_time",
    "query-dimension-records REPO visit --order-by nosuch : status",
    "query-dimension-records REPO detector --datasets flat",
    "query-dimension-records REPO detector --datasets flat --collections calib",
    "query-dimension-records REPO detector --datasets flat --collections run/a",
    "query-dimension-records REPO detector --datasets summary --collections 'run/*'",
    "query-dimension-records REPO physical_filter --datasets count",
    "query-dimension-records REPO instrument --datasets zero",
    "query-dimension-records REPO skymap --datasets flat",
    "query-dimension-records REPO detector --datasets nosuch",
    "query-dimension-records REPO detector --datasets flat,zero",
    "query-dimension-records REPO detector --datasets flat --collections nosuch : status",
    "query-dimension-records REPO detector --offset 2 : status",
    "query-dimension-records REPO nosuch : status",
    "query-dimension-records REPO htm7 : status",
    "query-dimension-records REPO : status",
]

HSC = [
    *(
        f"query-dimension-records REPO {element} --limit 0"
        for element in (
            "instrument detector band physical_filter visit exposure day_obs group visit_system visit_definition "
            "visit_system_membership visit_detector_region skymap tract patch subfilter ssp_hypothesis_table "
            "ssp_hypothesis_bundle ssp_balanced_index"
        ).split()
    ),
    "query-datasets REPO bias --collections imported_r,imported_g --find-first",
    "query-datasets REPO visitTable --collections HSC/defaults --find-first",
    "query-datasets REPO flatCoeffs --collections HSC/defaults --find-first : status",
    "query-datasets REPO qeCurve --collections HSC/calib/gen/2026A,HSC/calib --find-first",
    "query-datasets REPO bias --collections '*' --order-by -detector,instrument : sorted",
    "query-datasets REPO visitTable --collections HSC/best --show-uri",
    "query-datasets REPO refCat,hpxSummary,sspSummary,pickled --collections '*' --show-uri",
    "query-datasets REPO calexp_metadata,isr_log --collections '*' --show-uri",
    "query-datasets REPO bias --collections '*' --show-uri : status",
    "query-dimension-records REPO physical_filter --datasets visitTable",
    "query-dimension-records REPO detector --datasets '*Coeffs'",
]

CUSTOM = ["query-datasets REPO '*' --collections '*' --show-uri"]

OLD = [
    f"query-dimension-records REPO {element}"
    for element in ("instrument", "visit", "exposure", "visit_detector_region", "detector", "visit_definition")
]


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + MADE)
def test_same_output_over_a_repository_made_here(made, line):
    check(line, made)


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + HSC)
def test_same_output_over_hsc_rc2(fixtures, line):
    check(line, str(fixtures / "hsc-rc2"))


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + CUSTOM)
def test_same_output_over_custom_datastores(fixtures, line):
    check(line, str(fixtures / "custom"))


@pytest.mark.parametrize("line", COLLECTIONS[:6] + DATASET_TYPES + DATASETS[:6])
def test_same_output_over_an_empty_repository(fixtures, line):
    check(line, str(fixtures / "empty"))


@pytest.mark.parametrize("version", range(8))
def test_same_output_over_old_universes(fixtures, version):
    repository = str(fixtures / f"universe-{version}")
    for line in OLD + ["query-datasets REPO '*' --collections '*' --show-uri", "query-dataset-types REPO -v"]:
        arguments = [repository if word == "REPO" else word for word in shlex.split(line)]
        # An element that this universe lacks is an error for both.
        theirs, ours = upstream(*arguments), steward(*arguments)
        assert (line, ours.status) == (line, theirs.status), ours.errors
        assert ours.output == theirs.output


@pytest.mark.parametrize(
    "line",
    [
        "query-collections /no/such/repository",
        "query-datasets /no/such/repository '*'",
        "query-dataset-types /no/such/repository/butler.yaml",
        "nosuch",
        "",
    ],
)
def test_same_status_without_a_repository(line):
    arguments = shlex.split(line)
    assert steward(*arguments) == upstream(*arguments)
