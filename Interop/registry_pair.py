"""One repository in two copies, of which Swift changes one and Python the other, step by step."""

import shutil

import pytest
from command_line import made  # noqa: F401
from lsst.daf.butler import Butler
from registry_tables import contents, differences
from test_repositories import PROBE, STEWARD, Steward

needs_probe = pytest.mark.skipif(
    STEWARD is None or PROBE is None, reason="steward and butler-probe are not built; run swift build"
)

# The kinds of errors that Python's exceptions stand for.
KINDS = {
    "MissingCollectionError": "missing_collection",
    "CollectionTypeError": "collection_type",
    "CollectionCycleError": "collection_cycle",
    "ConflictingDefinitionError": "conflicting_definition",
    "DatabaseConflictError": "conflicting_definition",
    "OrphanedRecordError": "orphaned_record",
    "MissingDatasetTypeError": "missing_dataset_type",
    "DatasetTypeError": "dataset_type_expression",
    "DatasetTypeExpressionError": "dataset_type_expression",
    "DimensionNameError": "dimension_name",
    # Python lets the database speak; Steward names the record.
    "IntegrityError": "conflicting_definition",
    "DataError": "conflicting_definition",
}

DATASTORE_TABLES = {"file_datastore_records", "opaque_meta"}


class Both:
    """One repository in two copies, of which one is changed by each side."""

    def __init__(self, original, folder):
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        for copy in (self.ours, self.theirs):
            shutil.copytree(original, copy)
        self.python = Butler.from_config(str(self.theirs), writeable=True)
        self.swift = Steward(self.ours, writeable=True)
        self.same()

    def close(self):
        self.swift.__exit__()
        self.python.close()

    def same(self):
        """Compares all but the tables of the datastore, which Steward makes when it opens the repository."""
        found = differences(contents(self.ours), contents(self.theirs))
        assert {table: rows for table, rows in found.items() if table not in DATASTORE_TABLES} == {}

    def step(self, call, op, **arguments):
        """Runs both sides, which must agree on success and on the database. Returns both answers."""
        before = contents(self.ours)
        answer = self.swift.ask(op, **arguments)
        failed = isinstance(answer, dict) and "error" in answer
        try:
            theirs = call(self.python)
        except Exception as error:  # noqa: BLE001
            assert failed, (op, arguments, error)
            expected = KINDS.get(type(error).__name__)
            assert answer["error"] == expected, (answer, error)
            assert contents(self.ours) == before, (op, arguments)
            self.same()
            return answer, error
        assert not failed, (op, arguments, answer)
        self.same()
        return answer, theirs


@pytest.fixture
def both(made, tmp_path):
    pair = Both(made, tmp_path)
    yield pair
    pair.close()


def wire(butler, element, **values):
    return butler.dimensions[element].RecordClass(**values).to_simple().model_dump(mode="json")
