"""`steward butler explain`, which Rubin's `butler` does not have, and what is said of empty results."""

import json

import pytest
from command_line import made, needs_binary, steward  # noqa: F401

pytestmark = needs_binary

SECTIONS = ["Query:", "Plan:", "Plan after rewriting:", "SQL:", "Plan of the database:"]


def explained(*arguments: str) -> str:
    outcome = steward("explain", *arguments)
    assert outcome.status == 0, outcome.errors
    return outcome.output


@pytest.mark.parametrize(
    "arguments",
    [
        "datasets count --collections run/a",
        "datasets count --collections run/* --no-find-first",
        "datasets count",
        "data-ids visit detector",
        "data-ids visit_detector_region",
        "data-ids visit --datasets c* --collections run/a",
        "dimension-records visit --order-by -visit",
        "general visit count.dataset_id visit.exposure_time --datasets count --collections run/a --find-first",
    ],
)
def test_every_stage_is_printed(made, arguments):
    text = explained(made, *arguments.split(), "--where", "instrument='CamA'")
    assert [line for line in text.splitlines() if line in SECTIONS] == SECTIONS
    assert text.startswith("Expression:")


def test_limits_mean_what_they_mean_elsewhere(made):
    assert "at most" not in explained(made, "data-ids", "detector", "--limit", "0")
    assert "at most 3 rows" in explained(made, "data-ids", "detector", "--limit", "3")
    # One more, to know whether to warn.
    assert "at most 4 rows" in explained(made, "data-ids", "detector", "--limit", "-3")


def test_several_types_are_explained_one_after_the_other(made):
    lines = [json.loads(line) for line in explained(made, "datasets", "count,summary", "--format", "json").splitlines()]
    assert [line["dataset_type"] for line in lines] == ["count", "summary"]
    assert all(line["sql"] and line["plan"] and line["database_plan"] for line in lines)


def test_programs_get_every_stage_too(made):
    where = "instrument='CamA' AND visit > 8"
    document = json.loads(explained(made, "data-ids", "visit", "--where", where, "--analyze", "--format", "json"))
    assert document["where"] == where
    assert "visit" in document["expression"]
    assert document["rows"] > 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("datasets nosuch", "nosuch"),
        ("datasets count --find-first", "--collections"),
        ("data-ids nosuch", "nosuch"),
        ("data-ids visit --datasets nosuch", "nosuch"),
        ("dimension-records visit detector", "one dimension element"),
        ("general visit count.run --datasets count --collections run/a", "find_first"),
    ],
)
def test_bad_questions_are_one_clear_line(made, arguments, words):
    outcome = steward("explain", made, *arguments.split())
    assert outcome.status != 0
    assert words in outcome.errors
    assert outcome.output == ""


@pytest.mark.parametrize("limit", ["-9223372036854775808", "-9223372036854775807", "9223372036854775807"])
def test_no_limit_is_too_large(made, limit):
    for command in (
        ["query-data-ids", made, "detector"], ["query-dimension-records", made, "detector"],
        ["query-datasets", made, "count", "--collections", "run/a"], ["explain", made, "data-ids", "detector"],
    ):
        outcome = steward(*command, "--limit", limit)
        assert outcome.status == 0, outcome.errors
        assert len(outcome.output.splitlines()) > 2


def test_an_empty_result_says_why(made):
    where = "instrument='CamA' AND visit=999999"
    for command in (["query-datasets", made, "count", "--collections", "run/a"], ["query-data-ids", made, "visit"]):
        outcome = steward(*command, "--where", where)
        assert "There is no visit 999999" in outcome.errors
    assert "There is no visit 999999" in explained(made, "data-ids", "visit", "--where", where)
