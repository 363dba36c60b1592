"""Files that are not what their records say are reported; who knows that the files are right can have them recorded."""

import hashlib
import json

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import rows, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402
from test_check import base, change, found, path_of, root  # noqa: E402, F401

pytestmark = needs_binary


def details(root, *options):  # noqa: F811
    outcome = steward("check", str(root), "--format", "json", *options)
    return {fault["subject"]: fault["detail"] for fault in map(json.loads, outcome.output.splitlines())}


def recorded(root, path):  # noqa: F811
    ((size, checksum),) = rows(root, "SELECT file_size, checksum FROM file_datastore_records WHERE path = ?", path)
    return size, checksum


def test_sizes_are_trusted_only_when_asked_for_and_readable(root):  # noqa: F811
    good, empty, scalar, broken = (path_of(root, "count", "run/a", number) for number in range(4))
    (root / good).write_text("better: true\n")
    (root / empty).write_text("")
    (root / scalar).write_text("x")
    (root / broken).write_text("a: [1, 2\n")
    expected = sorted(("wrong size", path) for path in (good, empty, scalar, broken))
    before = state(root)["records"]
    assert found(root, "--repair") == expected and state(root)["records"] == before
    assert all("record it with --trust-files" in detail for detail in details(root).values())
    # The option alone shows what it would do.
    assert found(root, "--trust-files") == expected and state(root)["records"] == before
    assert found(root, "--repair", "--trust-files") == expected
    assert found(root) == sorted(("wrong size", path) for path in (empty, scalar, broken))
    assert recorded(root, good) == (13, None)
    said = details(root, "--trust-files")
    assert "it is empty" in said[empty] and "cannot be trusted" in said[scalar] and "cannot be trusted" in said[broken]
    assert [(root / path).read_text() for path in (empty, scalar, broken)] == ["", "x", "a: [1, 2\n"]
    with Butler.from_config(str(root)) as butler:
        values = []
        for ref in butler.query_datasets("count", collections="run/a"):
            if butler.getURI(ref).ospath.endswith(good):
                values.append(butler.get(ref))
    assert values == [{"better": True}]


def test_checksums_are_recorded_where_they_were(root):  # noqa: F811
    path = path_of(root, "count", "run/a")
    content = (root / path).read_bytes()
    change(root, "UPDATE file_datastore_records SET checksum = ? WHERE path = ?", hashlib.blake2b(b"x").hexdigest(), path)
    assert found(root) == []
    assert found(root, "--checksums", "--repair") == [("wrong checksum", path)]
    assert found(root, "--checksums", "--repair", "--trust-files") == [("wrong checksum", path)]
    assert recorded(root, path) == (len(content), hashlib.blake2b(content).hexdigest())
    (root / path).write_bytes(b"# longer\n" + content)
    assert found(root, "--repair", "--trust-files") == [("wrong size", path)]
    assert recorded(root, path) == (len(content) + 9, hashlib.blake2b(b"# longer\n" + content).hexdigest())
    assert found(root, "--checksums") == []


def test_a_formatter_that_is_not_known_here_is_told(root):  # noqa: F811
    path = path_of(root, "count", "run/a")
    change(root, "UPDATE file_datastore_records SET formatter = 'their.own.Formatter' WHERE path = ?", path)
    (root / path).write_text("whatever")
    assert "'their.own.Formatter' is not known here" in details(root, "--trust-files")[path]
    assert found(root, "--repair", "--trust-files") == [("wrong size", path)]
    assert found(root) == []


def test_the_question_counts_records_that_are_changed(root):  # noqa: F811
    path = path_of(root, "count", "run/a")
    (root / path).write_text("better: true\n")
    before = state(root)["records"]
    outcome = steward("check", str(root), "--repair", "--trust-files", input="n\n")
    assert outcome.status == 1 and "This will mend 1 of these in the database" in outcome.output
    assert state(root)["records"] == before
