"""`config-dump` and `config-validate`, with Python's beside them."""

from pathlib import Path

import pytest
import yaml
from command_line import FIXTURES, needs_binary, one_line_of, steward, upstream
from exchange_repositories import empty_like, sources  # noqa: F401
from lsst.daf.butler import Butler, DatasetType

pytestmark = [
    needs_binary,
    pytest.mark.skipif(FIXTURES is None, reason="set STEWARD_FIXTURES to the directory of fixture repositories"),
]


@pytest.mark.parametrize("name", ["hsc-rc2", "custom", "universe-0"])
def test_config_dump_prints_the_same(name, sources):
    theirs, ours = (run("config-dump", sources(name)) for run in (upstream, steward))
    assert theirs.status == ours.status == 0
    assert yaml.safe_load(ours.output) == yaml.safe_load(theirs.output)
    # Python writes what it holds twice as YAML aliases.
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True

    assert ours.output == yaml.dump(yaml.safe_load(theirs.output), Dumper=Plain)


@pytest.mark.parametrize(
    "subset", [".datastore.root", "registry", ".registry.managers.opaque", "|datastore|cls", ".registry.managers"]
)
def test_parts_of_the_configuration(subset, sources, tmp_path):
    line = ["config-dump", sources("hsc-rc2"), "-s", subset]
    theirs, ours = (run(*line) for run in (upstream, steward))
    assert theirs == ours
    file = tmp_path / "dump.yaml"
    assert steward(*line, "--file", str(file)).output == ""
    assert file.read_text() == theirs.output


def test_an_unknown_part_of_the_configuration(sources):
    outcome = steward("config-dump", sources("hsc-rc2"), "--subset", ".no.such")
    assert outcome.status == 1
    assert ".no.such" in one_line_of(outcome.errors)


# Upstream counts formatters that are not installed here as errors, so types with such a formatter are left out.
VALIDATIONS = {
    "hsc-rc2": ["-i flat,bias", "-q -i flat -i bias", "-d srcCount", "--dataset-type nosuch"],
    "custom": ["", "-q"],
    "universe-3": ["", "-q", "-i oldMeta"],
}


@pytest.mark.parametrize("name, line", [(name, line) for name, lines in VALIDATIONS.items() for line in lines])
def test_config_validate_comes_to_the_same_verdict(name, line, sources):
    theirs, ours = (run("config-validate", sources(name), *line.split()) for run in (upstream, steward))
    assert (ours.status, ours.output) == (theirs.status, theirs.output)


def test_config_validate_tells_what_is_wrong(sources, tmp_path):
    repository = Path(empty_like(sources("hsc-rc2"), tmp_path, "broken"))
    document = yaml.safe_load((repository / "butler.yaml").read_text())
    document["datastore"]["templates"] = {"nosuch": "{run}/{visit}", "instrument<X>": {"calexp": "{run}/{visit}"}}
    (repository / "butler.yaml").write_text(yaml.safe_dump(document))
    with Butler.from_config(str(repository), writeable=True) as butler:
        for kind, storage_class in (("calexp", "StructuredDataDict"), ("box", "Box2I")):
            butler.registry.registerDatasetType(
                DatasetType(kind, ["visit"], storage_class, universe=butler.dimensions)
            )
    theirs, ours = (run("config-validate", str(repository)) for run in (upstream, steward))
    assert theirs.status == ours.status == 1
    for word in ("nosuch", "instrument<X>", "Box2I"):
        assert word in ours.errors
    quiet = steward("config-validate", str(repository), "-q")
    assert (quiet.status, quiet.errors) == (1, "")
    assert steward("config-validate", str(repository), "-d", "calexp").status == 1
