"""The Python client against a server with signed tokens and with collections that belong to users and groups."""

import base64
import hashlib
import hmac
import io
import json
import time
import zipfile

import pytest
from serving import Server, needs_program  # noqa: F401
from command_line import steward
from lsst.daf.butler.datastores.file_datastore.retrieve_artifacts import ZipIndex
from lsst.daf.butler import Butler, CollectionType, DatasetType, LabeledButlerFactory, MissingCollectionError

pytestmark = needs_program

SECRET = "a secret that only the issuer and the server know"
ISSUER, AUDIENCE = "https://issuer.example", "steward"


def token(user, groups=(), secret=SECRET, algorithm="HS256", **claims):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "groups": list(groups), "exp": int(time.time()) + 300}
    text = ".".join(part(json.dumps(x).encode()) for x in ({"alg": algorithm, "typ": "JWT"}, body | claims))
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


@pytest.fixture(scope="module")
def protected(tmp_path_factory):
    root = tmp_path_factory.mktemp("access") / "toy"
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True)
    butler.registry.insertDimensionData("instrument", {"name": "Cam", "detector_max": 4, "class_name": "x.Y"})
    for detector in (1, 2, 3, 4):
        butler.registry.insertDimensionData(
            "detector", {"instrument": "Cam", "id": detector, "full_name": f"D{detector}"}
        )
    for name in ("image", "draft"):
        kind = DatasetType(name, ("instrument", "detector"), "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
    refs = {}
    for run, detector in (("open/run", 1), ("u/ann/run", 2), ("g/few/run", 2)):
        butler.collections.register(run)
        refs[run] = butler.put({"run": run}, "image", run=run, instrument="Cam", detector=detector)
    butler.put({}, "draft", run="open/run", instrument="Cam", detector=1)
    # An archive that holds what is public and what is not, an unpublished type, and something that was removed.
    packed = [
        butler.put({"run": run, "zipped": detector}, name, run=run, instrument="Cam", detector=detector)
        for name, run, detector in [
            ("image", "open/run", 3), ("image", "u/ann/run", 3), ("image", "u/ann/run", 4), ("draft", "open/run", 3),
        ]
    ]
    archive = butler.retrieve_artifacts_zip(packed, destination=str(tmp_path_factory.mktemp("zips")))
    butler.pruneDatasets(packed, disassociate=True, unstore=True, purge=True)
    butler.ingest_zip(archive, transfer="copy")
    butler.pruneDatasets(packed[2:3], disassociate=True, unstore=True, purge=True)
    refs["packed"] = packed
    butler.collections.register("best", CollectionType.TAGGED)
    butler.registry.associate("best", [refs["open/run"], refs["u/ann/run"]])
    assert steward("enable", str(root), prefix=("access",)).status == 0
    (root / "published-dataset-types.yaml").write_text("dataset_types: {image: {description: Images.}}\n")
    secret = root.parent / "secret"
    secret.write_text(SECRET + "\n")
    server = Server(
        "--repo", str(root), log=root.parent / "server.log",
        environment={
            "STEWARD_TOKEN_ISSUER": ISSUER, "STEWARD_TOKEN_AUDIENCE": AUDIENCE,
            "STEWARD_TOKEN_SECRET_FILE": str(secret),
        },
    )
    yield server, refs
    server.stop()


def client(server, *user):
    url = f"http://127.0.0.1:{server.port}/api/butler/repo/toy"
    return LabeledButlerFactory({"toy": url}).create_butler(label="toy", access_token=token(*user))


@pytest.mark.parametrize(
    "user, runs", [(("ann",), {"u/ann/run"}), (("zoe", ["few"]), {"g/few/run"}), (("zoe",), set())]
)
def test_users_see_what_is_theirs(protected, user, runs):
    server, refs = protected
    butler = client(server, *user)
    visible = runs | {"open/run"}
    assert set(butler.collections.query("*")) == visible | {"best"}
    assert set(butler.registry.queryDatasetTypes("*")) == {butler.get_dataset_type("image")}
    for run, ref in refs.items():
        if run == "packed":
            continue
        if run in visible:
            assert butler.get(ref) == {"run": run}
            assert butler.get_dataset(ref.id) == ref
        else:
            assert butler.get_dataset(ref.id) is None
            with pytest.raises(MissingCollectionError):
                butler.query_datasets("image", run)
    found = {ref.run for ref in butler.query_datasets("image", "best")}
    assert found == {run for run in ("open/run", "u/ann/run") if run in visible}


@pytest.mark.parametrize("user, seen", [("ann", [0, 1]), ("zoe", [0])])
def test_an_archive_is_handed_out_without_what_is_hidden(protected, tmp_path, user, seen):
    server, refs = protected
    packed = refs["packed"]
    butler = client(server, user)

    def fetch(path, **headers):
        headers["Authorization"] = f"Bearer {token(user)}"
        return server.request("GET", path, headers)

    def datasets(body):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            index = ZipIndex.from_open_zip(archive)
            names = set(archive.namelist())
        assert names == {"_butler_zip_index.json", *index.artifact_map}
        assert {id for entry in index.artifact_map.values() for id in entry.ids} == set(index.refs.compact_refs)
        hidden = {str(ref.id) for i, ref in enumerate(packed) if i not in seen}
        assert not [id for id in hidden if id.encode() in body] and b"draft" not in body
        return set(index.refs.compact_refs)

    for i, ref in enumerate(packed):
        path = f"/api/butler/repo/toy/v1/dataset/{ref.id}/download"
        status, fields, body = fetch(path)
        assert status == (200 if i in seen else 404)
        if i not in seen:
            continue
        assert datasets(body) == {packed[k].id for k in seen}
        status, part_fields, part = fetch(path, Range="bytes=10-99")
        assert (status, part) == (206, body[10:100]) and part_fields["etag"] == fields["etag"]
        assert fetch(path, Range=f"bytes=-{len(body)}")[2] == body
        assert butler.get(ref) == {"run": ref.run, "zipped": ref.dataId["detector"]}
        # The signed URL leads whoever has it to this one dataset.
        url = json.loads(fetch(f"/api/butler/repo/toy/v1/get_file/{ref.id}")[2])["artifact"]["file_info"][0]["url"]
        signed = url[url.index("/api/"):].split("#")[0]
        status, _, body = server.request("GET", signed)
        assert status == 200 and datasets(body) == {ref.id}
    shown = [packed[i] for i in seen]
    target = Butler.from_config(Butler.makeRepo(str(tmp_path / "target")), writeable=True)
    target.transfer_from(butler, shown, register_dataset_types=True, transfer_dimensions=True)
    for ref in shown:
        assert target.get(ref)["run"] == ref.run


@pytest.mark.parametrize(
    "bad",
    [
        None, "x", token("ann", secret="another secret that nobody knows of"), token("ann", algorithm="none"),
        token("ann", exp=1), token("ann", iss="https://evil.example"), token("ann", aud="other"),
    ],
)
def test_other_tokens_are_refused(protected, bad):
    server, refs = protected
    headers = {"X-Auth-Request-User": "ann", "X-Auth-Request-Token": "x"}
    if bad:
        headers["Authorization"] = f"Bearer {bad}"
    for label in ("toy", "nope"):
        status, fields, _ = server.request("GET", f"/api/butler/repo/{label}/v1/universe", headers)
        assert status == 401
        assert fields["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "more, words",
    [
        ({"STEWARD_TOKEN_SECRET_FILE": "{tmp}/none"}, "at least 32 characters"),
        ({"STEWARD_TOKEN_KEY_SET": "{tmp}/none"}, "does not exist"),
        ({"STEWARD_TOKEN_KEY_SET": "http://127.0.0.1:9/keys"}, "127.0.0.1"),
        ({"STEWARD_TOKEN_KEY_SET": "http://issuer.example/keys"}, "https URL"),
        ({}, "tokens.key_set"),
    ],
)
def test_a_server_without_keys_does_not_start(tmp_path, more, words):
    root = tmp_path / "repo"
    Butler.makeRepo(str(root))
    environment = {"STEWARD_TOKEN_ISSUER": ISSUER, "STEWARD_TOKEN_AUDIENCE": AUDIENCE} | {
        name: value.format(tmp=tmp_path) for name, value in more.items()
    }
    outcome = steward("--port", "0", "--repo", str(root), prefix=("serve",), environment=environment)
    assert outcome.status == 1
    assert words in outcome.errors, outcome


def test_rules_about_users_need_users(tmp_path):
    root = tmp_path / "repo"
    Butler.makeRepo(str(root))
    groups = json.dumps({"r": {"config_uri": str(root), "authorized_groups": ["g_few"]}})

    def start(*arguments, **environment):
        """The outcome of a start that fails, or the log of a server that runs."""
        log = tmp_path / "log"
        try:
            server = Server(*arguments, log=log, environment=environment)
        except pytest.fail.Exception:
            return None, log.read_text()
        server.stop()
        return server, log.read_text()

    def outcomes(*arguments, **environment):
        refused, text = start(*arguments, **environment)
        assert refused is None and "DAF_BUTLER_SERVER_GAFAELFAWR_URL" in text and "'r'" in text, text
        running, text = start(*arguments, DAF_BUTLER_SERVER_GAFAELFAWR_URL="DISABLED", **environment)
        assert running is not None and "identities are not checked" in text

    plain, text = start("--repo", f"r={root}")
    assert plain is not None and "identities" not in text
    outcomes(DAF_BUTLER_SERVER_REPOSITORIES=groups)
    assert steward("enable", str(root), prefix=("access",)).status == 0
    outcomes("--repo", f"r={root}")
    assert steward("disable", str(root), prefix=("access",)).status == 0
    (root / "published-dataset-types.yaml").write_text("dataset_types: {}\n")
    outcomes("--repo", f"r={root}")


def test_names_are_what_their_bytes_say(tmp_path):
    """An accent in one character or in two, and the Kelvin sign, make other names."""
    root = tmp_path / "toy"
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True)
    butler.collections.register("pub/\u00e9")
    butler.collections.register("pub/e\u0301", CollectionType.TAGGED)
    butler.collections.register("K", CollectionType.TAGGED)
    kind = DatasetType("Kind", (), "StructuredDataDict", universe=butler.dimensions)
    butler.registry.registerDatasetType(kind)
    for name in ("u/jos\u00e9/run", "g/\u00e9q/run", "u/\u0301x/run"):
        butler.collections.register(name)
    assert steward("enable", str(root), prefix=("access",)).status == 0
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    server = Server(
        "--repo", str(root), log=tmp_path / "server.log",
        environment={
            "STEWARD_TOKEN_ISSUER": ISSUER, "STEWARD_TOKEN_AUDIENCE": AUDIENCE,
            "STEWARD_TOKEN_SECRET_FILE": str(secret),
        },
    )
    try:
        bob = client(server, "bob")
        assert bob.collections.get_info("pub/\u00e9").type is CollectionType.RUN
        assert bob.collections.get_info("pub/e\u0301").type is CollectionType.TAGGED
        assert set(bob.collections.query("*")) == {"pub/\u00e9", "pub/e\u0301", "K"}
        for missing in ("\u212a", "u/jos\u00e9/run"):
            with pytest.raises(MissingCollectionError):
                bob.collections.get_info(missing)
        assert bob.get_dataset_type("Kind") == kind
        status, _, body = server.request(
            "POST", "/api/butler/repo/toy/v1/query_dataset_types",
            {"Content-Type": "application/json", "Authorization": f"Bearer {token('bob')}"},
            json.dumps({"search": ["\u212aind"]}).encode(),
        )
        assert status == 200 and json.loads(body)["dataset_types"] == []
        butler.collections.x_remove("pub/e\u0301")
        with pytest.raises(MissingCollectionError):
            bob.collections.get_info("pub/e\u0301")
        assert bob.collections.get_info("pub/\u00e9").type is CollectionType.RUN
        for name, owner, other in [
            ("u/jos\u00e9/run", ("jos\u00e9",), ("jose\u0301",)),
            ("g/\u00e9q/run", ("bob", ["\u00e9q"]), ("bob", ["e\u0301q"])),
            ("u/\u0301x/run", ("\u0301x",), ("x",)),
        ]:
            assert client(server, *owner).collections.get_info(name).name == name
            with pytest.raises(MissingCollectionError):
                client(server, *other).collections.get_info(name)
    finally:
        server.stop()
