"""Faults of the registry itself."""

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from lsst.daf.butler import Butler, CollectionType  # noqa: E402
from test_check import base, change, found, root  # noqa: E402, F401

pytestmark = needs_binary


def test_chains_that_contain_themselves(root):  # noqa: F811
    with Butler.from_config(str(root), writeable=True) as butler:
        for name in ("one", "two", "above"):
            butler.collections.register(name, CollectionType.CHAINED)
        butler.collections.redefine_chain("one", ["two"])
        butler.collections.redefine_chain("above", ["one"])
    change(root, "INSERT INTO collection_chain (parent, position, child) SELECT two.collection_id, 0, one.collection_id "
                 "FROM collection AS one, collection AS two WHERE one.name = 'one' AND two.name = 'two'")
    assert found(root, "--repair") == [("circular chain", "one"), ("circular chain", "two")]
    assert steward("collection-chain", str(root), "one", "run/a").status == 0
    assert found(root) == []
