"""The Python client against a server with signed tokens and with collections that belong to users and groups."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from serving import Server, needs_program  # noqa: F401
from command_line import steward
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
    for detector in (1, 2):
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
        if run in visible:
            assert butler.get(ref) == {"run": run}
            assert butler.get_dataset(ref.id) == ref
        else:
            assert butler.get_dataset(ref.id) is None
            with pytest.raises(MissingCollectionError):
                butler.query_datasets("image", run)
    found = {ref.run for ref in butler.query_datasets("image", "best")}
    assert found == {run for run in ("open/run", "u/ann/run") if run in visible}


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
