"""`steward access` and `steward publish-types`, and that the Python software goes on working with a repository that has
rules: it ignores their table."""

import sqlite3

import pytest
from command_line import BINARY, needs_binary, steward  # noqa: F401
from lsst.daf.butler import Butler, CollectionType, DatasetType

pytestmark = needs_binary


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repo"
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True)
    for name in ("u/ann/run", "u/ann/second", "g/few/run", "open/run"):
        butler.collections.register(name)
    butler.collections.register("u/ann/all", CollectionType.CHAINED)
    butler.collections.redefine_chain("u/ann/all", ["u/ann/run", "open/run"])
    for name in ("image", "draft"):
        butler.registry.registerDatasetType(
            DatasetType(name, (), "StructuredDataDict", universe=butler.dimensions)
        )
    return root


def access(*arguments):
    return steward(*map(str, arguments), prefix=("access",))


def tables(repository):
    with sqlite3.connect(repository / "gen3.sqlite3") as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_nothing_is_there_until_it_is_enabled(repository):
    before = tables(repository)
    for command in ("show", "grant", "revoke"):
        more = ("u/ann/run", "--group", "g_x") if command != "show" else ()
        outcome = access(command, repository, *more)
        assert outcome.status == 1 and "steward access enable" in outcome.errors
    assert tables(repository) == before
    assert access("enable", repository).status == 0
    assert tables(repository) == before | {"steward_collection_access"}
    assert access("enable", repository).output == "The rules are enabled already.\n"
    assert access("disable", repository).status == 0
    assert tables(repository) == before


def test_grants_are_shown_and_taken_back(repository):
    access("enable", repository)
    assert access("show", repository).output.splitlines() == [
        "u/ann/run: user ann", "u/ann/second: user ann", "g/few/run: group few", "u/ann/all: user ann",
    ]
    outcome = access("grant", repository, "u/ann/*", "open/run", "--group", "g_b", "--group", "g_a")
    assert outcome.status == 0
    assert "u/ann/second may be read by group g_a, group g_b." in outcome.output
    assert "open/run is nobody's own: everyone may read it anyway." in outcome.output
    assert access("grant", repository, "u/ann/run", "--everyone").status == 0
    assert access("show", repository, "u/*").output.splitlines() == [
        "u/ann/run: user ann, everyone", "u/ann/second: user ann, group g_a, group g_b",
        "u/ann/all: user ann, group g_a, group g_b",
    ]
    assert access("revoke", repository, "u/ann/run", "--everyone").output == "Took back 1 grant.\n"
    assert access("revoke", repository, "u/ann/*", "--group", "g_a").output == "Took back 3 grants.\n"
    assert access("show", repository, "u/ann/run").output == "u/ann/run: user ann, group g_b\n"


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (("u/ann/run",), 2, "--group or --everyone"),
        (("u/ann/run", "--group", "x", "--everyone"), 2, "--group or --everyone"),
        (("u/ann/run", "--group", "*"), 2, "--everyone"),
        (("u/ann/run", "--group", ""), 2, "needs a name"),
        (("u/nobody/run", "--everyone"), 1, "No collection with name 'u/nobody/run'"),
        (("u/nobody/*", "--everyone"), 1, "No collection matches 'u/nobody/*'"),
    ],
)
def test_grants_that_make_no_sense(repository, arguments, status, words):
    access("enable", repository)
    outcome = access("grant", repository, *arguments)
    assert outcome.status == status and words in outcome.errors, outcome


def test_python_works_on_and_grants_end_with_their_collection(repository):
    access("enable", repository)
    access("grant", repository, "u/ann/second", "--everyone")
    butler = Butler.from_config(str(repository), writeable=True)
    assert "u/ann/second" in butler.collections.query("*")
    butler.put({"a": 1}, "image", run="u/ann/run")
    butler.removeRuns(["u/ann/second"])
    butler.collections.register("u/ann/second")
    assert "u/ann/second: user ann\n" in access("show", repository).output
    with sqlite3.connect(repository / "gen3.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM steward_collection_access").fetchone() == (0,)


def check(repository):
    return steward("check", str(repository), prefix=("publish-types",))


def test_the_catalogue_is_compared_with_the_repository(repository):
    missing = check(repository)
    assert missing.status == 1 and "no published-dataset-types.yaml" in missing.errors
    catalogue = repository / "published-dataset-types.yaml"
    catalogue.write_text("dataset_types:\n  image: {description: Images.}\n  gone: {description: None such.}\n")
    outcome = check(repository)
    assert outcome.status == 1
    assert outcome.output.splitlines() == [
        "draft: in the repository, not in the catalogue", "gone: in the catalogue, not in the repository",
    ]
    catalogue.write_text("dataset_types:\n  image: {description: I.}\n  draft: {description: D., groups: [g_staff]}\n")
    assert check(repository).status == 0


def test_the_catalogue_lies_beside_the_configuration_file(repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "butler.yaml").write_text(f"root: {repository}\n" + (repository / "butler.yaml").read_text())
    assert "no published-dataset-types.yaml" in check(other).errors
    # A link that leads nowhere is no missing catalogue.
    catalogue = other / "published-dataset-types.yaml"
    catalogue.symlink_to(tmp_path / "nothing")
    dangling = check(other)
    assert dangling.status == 1 and "published-dataset-types.yaml" in dangling.errors and "no pub" not in dangling.errors
    catalogue.unlink()
    catalogue.write_text("dataset_types:\n  image: {description: I.}\n  draft: {description: D.}\n")
    assert check(other).status == 0
    # One in the root of the repository holds for all who use it.
    catalogue.rename(repository / "published-dataset-types.yaml")
    assert check(other).status == 0


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "one mapping"),
        ("dataset_types: []", "one mapping"),
        ("dataset_types: {image: {description: x}}\nmore: 1", "one mapping"),
        ("dataset_types: {image: yes}", "a mapping"),
        ("dataset_types: {image: {}}", "'description'"),
        ("dataset_types: {image: {description: x, group: [a]}}", "unknown member 'group'"),
        ("dataset_types: {image: {description: x, groups: a}}", "list of texts"),
        ("dataset_types: {image: {description: x, groups: [1]}}", "list of texts"),
        ("dataset_types: {image.wcs: {description: x}}", "cannot be a dataset type"),
        ("dataset_types: {'a b': {description: x}}", "cannot be a dataset type"),
        ("dataset_types: {image: {description: x}", "is not YAML"),
    ],
)
def test_a_catalogue_that_makes_no_sense_is_refused(repository, text, words):
    (repository / "published-dataset-types.yaml").write_text(text)
    outcome = check(repository)
    assert outcome.status == 1 and words in outcome.errors, outcome
