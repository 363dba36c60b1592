"""The behaviours of Rubin's query system, one by one, through the Python client against `steward serve`.

The expectations are what the Python software was seen to do. query_service.py tells how to run the same rows against
Rubin's server, to see that they are right: STEWARD_CHECK_REFERENCE=1.
"""

import pytest

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
import query_checklist_builder  # noqa: E402
import query_checklist_datasets  # noqa: E402
import query_checklist_records  # noqa: E402
from query_checklist import Session, judge  # noqa: E402
from query_service import connect  # noqa: E402

TABLE = query_checklist_records.TABLE + query_checklist_datasets.TABLE + query_checklist_builder.TABLE


@pytest.fixture(scope="module")
def sessions(servers, request):
    """Sessions by repository and defaults."""
    butlers, sessions = {}, {}

    def session_of(row):
        key = row.repository, bool(row.defaults)
        if key not in sessions:
            if row.repository not in butlers:
                butlers[row.repository] = connect(servers.of(request.getfixturevalue(row.repository)).url)
            defaults = {"collections": None, "dataId": {}} | row.defaults
            sessions[key] = Session(butlers[row.repository].clone(inferDefaults=False, **defaults))
        return sessions[key]

    return session_of


def test_every_number_of_the_checklist_is_here():
    assert {int(row.number.split()[0]) for row in TABLE} == set(range(1, 158))


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_checklist(row, sessions):
    judge(row.expected, sessions(row).outcome(row.call))
