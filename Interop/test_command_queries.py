"""Compare conditions, orders and limits of the commands that list with Rubin's `butler`: the same command lines, the same
standard output, byte for byte, and the same exit status. `check` says what the remarks after a colon mean.
"""

import pytest
from command_line import check, fixtures, made, needs_binary  # noqa: F401

pytestmark = needs_binary

VISITS = "instrument='CamA' AND visit"

MADE_QUERIES = [
    # Data IDs
    *(
        f"query-data-ids REPO {dimensions}"
        for dimensions in ("visit", "detector", "visit,detector", "visit detector", "band")
    ),
    "query-data-ids REPO physical_filter,instrument",
    "query-data-ids REPO tract",
    "query-data-ids REPO skymap,instrument",
    "query-data-ids REPO exposure",
    "query-data-ids REPO visit,exposure",
    "query-data-ids REPO",
    "query-data-ids REPO nosuch : status",
    "query-data-ids REPO visit,nosuch : status",
    "query-data-ids REPO htm7 : status",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit > 8\"",
    "query-data-ids REPO visit --where \"visit.exposure_time > 0.85 AND instrument='CamA'\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit.zenith_angle = NULL\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit IN (8, 10..12)\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit NOT IN (8)\"",
    "query-data-ids REPO detector --where \"instrument='CamA' AND GLOB(detector.full_name, 'S0*')\"",
    "query-data-ids REPO detector --where \"instrument='CamA' AND raft = 'R'\"",
    "query-data-ids REPO detector --where \"instrument='CamA' AND visit = 8\"",
    "query-data-ids REPO detector --where \"instrument='CamA' AND NOT (detector = 1 OR detector = 10)\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit.timespan OVERLAPS T'2026-01-02T08:00:10/tai'\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit.timespan.begin > T'2026-01-02T08:30:00/tai'\"",
    "query-data-ids REPO instrument --where \"instrument.class_name = 'none.CamB'\"",
    "query-data-ids REPO instrument --where ''",
    "query-data-ids REPO instrument --where '   '",
    "query-data-ids REPO visit --where \"instrument='CamB'\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND instrument='CamB'\"",
    "query-data-ids REPO visit --where \"instrument='CamA' AND visit=8 AND visit=9\"",
    *(
        f"query-data-ids REPO visit --where \"{expression}\" : status"
        for expression in (
            "visit = 8",
            "instrument='CamA' AND visit >",
            "instrument='CamA' AND visit",
            "instrument='CamA' AND nosuch = 1",
            "instrument='CamA' AND visit = 'a'",
            "instrument='CamA' AND name = 'visit 8'",
            "instrument='CamA' AND visit.nosuch = 1",
            "instrument='CamA' AND count.run = 'run/a'",
            "instrument='CamA' AND foo(visit)",
            "instrument='CamA' AND visit.timespan = T'2026-01-01'",
            "instrument='CamA' AND visit IN (5..1)",
        )
    ),
    "query-data-ids REPO detector --order-by -detector",
    "query-data-ids REPO visit,detector --order-by=-detector,visit",
    "query-data-ids REPO visit,detector --order-by detector --order-by=-visit.exposure_time",
    "query-data-ids REPO detector --order-by detector.full_name,-instrument",
    "query-data-ids REPO visit --order-by physical_filter,-visit.timespan.begin",
    "query-data-ids REPO detector --order-by visit : status",
    "query-data-ids REPO detector --order-by nosuch : status",
    "query-data-ids REPO visit --order-by visit.timespan : status",
    "query-data-ids REPO visit --order-by - : status",
    "query-data-ids REPO detector --limit 2 : count",
    "query-data-ids REPO detector --limit -2 : count",
    "query-data-ids REPO detector --limit -3 --order-by -detector",
    "query-data-ids REPO detector --limit -4",
    "query-data-ids REPO detector --limit 0",
    "query-data-ids REPO detector --limit 2 --order-by detector",
    "query-data-ids REPO detector --limit -9223372036854775806",
    "query-data-ids REPO detector --limit 9223372036854775807",
    "query-data-ids REPO detector --limit x : status",
    "query-data-ids REPO detector --offset 1 : status",
    "query-data-ids REPO detector --offset 0",
    "query-data-ids REPO visit --datasets count",
    "query-data-ids REPO visit --datasets count --collections run/a",
    "query-data-ids REPO visit --datasets count --collections best",
    "query-data-ids REPO --datasets count --collections run/a",
    "query-data-ids REPO --datasets summary --collections 'run/*'",
    "query-data-ids REPO --datasets '[cs]*' --collections 'run/*'",
    "query-data-ids REPO --datasets zero --collections run/a",
    "query-data-ids REPO --datasets '*' --collections run/a : words",
    "query-data-ids REPO --datasets count",
    "query-data-ids REPO --datasets zero",
    "query-data-ids REPO --datasets nosuch --collections run/a",
    "query-data-ids REPO detector --datasets nosuch",
    "query-data-ids REPO detector --datasets nosuch --collections outer,run/b",
    "query-data-ids REPO detector --datasets flat --collections run/a",
    "query-data-ids REPO detector --datasets flat --collections outer",
    "query-data-ids REPO detector --datasets flat --collections calib",
    "query-data-ids REPO detector --datasets flat --collections calib/run --where \"detector > 1 AND instrument='CamA'\"",
    "query-data-ids REPO visit --datasets flat --collections calib",
    "query-data-ids REPO visit,detector --datasets 'summary' --collections run/b --order-by -visit,-detector --limit 3",
    "query-data-ids REPO visit --collections run/a",
    "query-data-ids REPO visit --collections nosuch",
    "query-data-ids REPO visit --datasets count --collections nosuch : status",
    "query-data-ids REPO visit --datasets count --collections nothing",
    # Datasets with conditions
    *(
        f"query-datasets REPO {rest}"
        for rest in (
            f"count --collections inner --where \"{VISITS} = 8\"",
            f"count --collections inner --find-first --where \"{VISITS} < 10\"",
            f"count --collections 'run/*' --where \"{VISITS} IN (9, 11)\"",
            f"'*' --collections 'run/*' --where \"{VISITS} = 8\"",
            f"'*' --collections run/b,run/a --find-first --where \"{VISITS} = 8\"",
            f"count,summary --collections run/a --where \"{VISITS} > 8\"",
            "count --collections inner --where \"run = 'run/a'\"",
            "count --collections inner --find-first --where \"run = 'run/a'\"",
            "count --collections outer --find-first --where \"count.run = 'run/b'\"",
            "count,summary --collections inner --where \"run = 'run/b'\"",
            "count --collections inner --where \"collection = 'run/a'\"",
            "count --collections run/a --where \"ingest_date > T'2020-01-01'\"",
            "count --collections run/a --where \"visit.exposure_time > 0.9\"",
            "summary --collections run/a --where \"instrument='CamA' AND detector.full_name = 'S10'\"",
            "flat --collections calib --where \"instrument='CamA' AND detector = 1\"",
            "flat --collections calib --where \"band = 'r'\"",
            "flat --collections calib/run --where \"instrument='CamA' AND physical_filter = 'A-g'\" --order-by -detector",
            "flat --collections calib --where \"timespan OVERLAPS T'2026-01-02T13:00:00/tai'\"",
            "zero --collections run/a --where \"run = 'run/a'\"",
            "count --collections inner --where \"visit.exposure_time > 0.9\" --limit -1 --order-by -visit",
            "count --collections run/a --order-by -visit.exposure_time",
            "count --collections run/a --order-by visit.timespan.end --limit 1",
            "summary --collections run/a --order-by detector.full_name,-visit.name --limit -3",
            "summary --collections run/a,run/b --order-by run,visit,-detector",
            "summary --collections run/a,run/b --order-by -summary.run,visit,-detector",
            "count --collections run/a --where '' --limit 0",
            f"count --collections run/a --where \"{VISITS} = 8\" --show-uri",
            f"'*' --collections run/a --where \"{VISITS} = 11\" --show-uri",
            "count --collections outer --no-find-first --order-by visit,run",
            "count --collections best,run/b",
            "zero,nosuch --collections run/a",
            "unused_log --collections '*' --limit 1 : status",
            f"count --collections run/a --where \"{VISITS} = 77\" : status",
            f"count,summary --collections run/a --where \"{VISITS} = 77\"",
            "count --collections inner --where \"visit = 8\" : status",
            "count --collections inner --where \"visit = \" : status",
            "count --collections inner --where \"nosuch = 1\" : status",
            "count,summary --collections inner --where \"instrument='CamA' AND detector = 2\"",
            "count,zero --collections inner --where \"flat.run = 'x'\" : status",
            "count --collections run/a --order-by ingest_date,visit.nosuch : status",
            "count --collections run/a --order-by dataset_id : status",
            "count --collections run/a --order-by detector : status",
            "count --collections run/a --order-by instrument.class_name,visit",
            "count,zero --collections run/a --order-by visit : status",
        )
    ),
    # Dimension records with conditions
    *(
        f"query-dimension-records REPO {rest}"
        for rest in (
            f"visit --where \"{VISITS} > 8\"",
            "visit --where \"visit.exposure_time < 1\"",
            "visit --where \"instrument='CamA' AND visit.name = 'visit 9'\"",
            "visit --where \"instrument='CamA' AND id = 9\" : status",
            "detector --where \"instrument='CamA' AND id = 3\"",
            "detector --where \"raft = NULL\"",
            "detector --where \"instrument='CamA' AND visit = 8\"",
            "detector --where \"instrument='CamA' AND visit = 8\" --order-by -full_name",
            "detector --where \"detector = 3\" : status",
            "detector --where \"instrument='CamA' AND detector = 77\"",
            "detector --where \"GLOB(full_name, '*0')\" : status",
            "detector --where \"raft != 'R'\"",
            "detector --datasets summary --collections run/a --where \"instrument='CamA' AND visit = 11\"",
            "visit --datasets 'count' --collections run/b,run/a",
            "visit --datasets '[cz]*' --collections run/a",
            "detector --datasets '[fs]*' --collections 'run/a,calib/run'",
            "instrument --order-by instrument.class_name",
            "instrument --order-by -detector_max,-class_name --limit -1",
            "detector --order-by instrument.class_name,-detector",
            "visit_detector_region --where \"instrument='CamA' AND detector > 2\"",
            "band --where \"instrument='CamA' AND visit = 9\"",
            "skymap --where \"skymap = 'sky'\"",
            "visit --where \"visit >\" : status",
            "visit --offset 0 --limit 0",
        )
    ),
]

HSC_QUERIES = [
    *(
        f"query-data-ids REPO {rest}"
        for rest in (
            "visit --limit 5 : count",
            "visit,detector --where \"instrument='HSC' AND visit = 318\"",
            "tract,visit --where \"instrument='HSC' AND skymap='hsc_rings_v1' AND tract = 9813\"",
            "visit --where \"instrument='HSC' AND visit.region OVERLAPS POINT(150.2, 2.6)\"",
            "visit,detector --where \"instrument='HSC' AND visit_detector_region.region OVERLAPS CIRCLE(150.2, 2.4, 0.25)\"",
            "visit --where \"instrument='HSC' AND visit.region OVERLAPS POINT(10, -20)\"",
            "patch --where \"visit = 1 AND detector = 1 AND instrument='Cam1' AND skymap='SkyMap1'\"",
            "detector --where \"tract = 9813 AND patch = 72 AND instrument='HSC' AND skymap='hsc_rings_v1'\"",
            "day_obs --order-by -day_obs --limit -4",
            "--datasets visitTable --collections HSC/defaults",
            "visit --datasets '*' --collections HSC/best",
            "exposure --datasets bias --collections HSC/calib",
        )
    ),
    *(
        f"query-datasets REPO {rest}"
        for rest in (
            "srcCount --collections HSC/runs/RC2/DM-00001 "
            "--where \"instrument='HSC' AND detector > 10 AND visit.exposure_time > 0\"",
            "'*' --collections HSC/runs/RC2 --find-first --where \"instrument='HSC' AND visit IN (318, 322)\"",
            "'*' --collections '*' --where \"instrument='Cam1'\" --limit -7 : count",
            "flatCoeffs --collections HSC/calib --where \"timespan OVERLAPS T'2015-06-01T00:00:00'\"",
            "calexp_metadata --collections HSC/runs/RC2 --order-by -visit,detector,-run",
            "'calexp*' --collections HSC/runs/RC2 --find-first",
            "visitTable --collections HSC/defaults --order-by visit.exposure_time,visit",
            "refCat --collections '*' --where \"htm7.region OVERLAPS CIRCLE(150, 2, 1)\" : status",
        )
    ),
    *(
        f"query-dimension-records REPO {rest}"
        for rest in (
            "visit --where \"visit.timespan.begin > T'2015-03-17' AND instrument='HSC'\"",
            "visit --where \"instrument='HSC' AND day_obs IN (20140324, 20150315..20150320)\" --order-by visit",
            "patch --where \"skymap='SkyMap1' AND patch.region OVERLAPS POINT(0.335, -0.000000001)\"",
            "physical_filter --where \"visit.region OVERLAPS POINT(150.2, 2.6) AND instrument='HSC'\"",
            "exposure --order-by -exposure.exposure_time,exposure --limit -3",
        )
    ),
]


@pytest.mark.parametrize("line", MADE_QUERIES)
def test_same_output_over_a_repository_made_here(made, line):
    check(line, made)


@pytest.mark.parametrize("line", HSC_QUERIES)
def test_same_output_over_hsc_rc2(fixtures, line):
    check(line, str(fixtures / "hsc-rc2"))
