"""What is in deploy/: the chart rendered by Helm and held against the schemas of Kubernetes, the image file, and the server
started with what the chart gives it."""

import copy
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

helm = pytest.importorskip("helm_python", reason="the package helm-python-sdk is not installed")
kubernetes_validate = pytest.importorskip("kubernetes_validate")

DEPLOY = Path(__file__).resolve().parent.parent
CHART = DEPLOY / "chart"
PROGRAM = Path(os.environ.get("STEWARD_BIN", DEPLOY.parent / ".build" / "debug" / "steward"))
GAFAELFAWR_SCHEMA = json.loads((DEPLOY / "tests" / "gafaelfawr-ingress.json").read_text())

REPOSITORIES = {
    "dp1": {"config_uri": "s3://rubin@butler/dp1/butler.yaml", "authorized_groups": ["*"]},
    "prompt.v2": {"config_uri": "/data/prompt", "authorized_groups": ["g_staff"]},
}
PLAIN = {
    "global": {"baseUrl": "https://data.example.org", "host": "data.example.org", "vaultSecretsPath": "secret/phalanx"},
    "config": {"repositories": REPOSITORIES},
}
FULL = {
    **PLAIN,
    "config": {
        "repositories": REPOSITORIES, "staticFiles": {"repositories.yaml": "dp1: https://data.example.org/dp1\n"},
        "additionalS3Profiles": ["rubin"], "s3EndpointUrl": "https://s3.example.org",
        "limits": {"streams": 10}, "timeouts": {"shutdown": 30.5},
    },
    "ingress": {"anonymousFiles": True, "annotations": {"example.org/owner": "butler"}},
    "autoscaling": {"enabled": True},
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "butler"}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "podAnnotations": {"example.org/note": "x"}, "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "butler", "operator": "Exists"}],
}
BARE = {**PLAIN, "secretsEnabled": False, "metrics": {"enabled": False}}
SETS = {"plain": PLAIN, "full": FULL, "bare": BARE}


def render(values):
    """The manifests that Helm makes, by kind and name."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        texts = chart.render(values, name="steward", namespace="butler")
    documents = [document for text in texts.values() for document in yaml.safe_load_all(text) if document]
    manifests = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    assert len(manifests) == len(documents)
    return manifests


def paths(manifest):
    return {path["path"]: path["pathType"] for rule in manifest["template"]["spec"]["rules"]
            for path in rule["http"]["paths"]}


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_helm_finds_nothing_wrong_with_the_chart(values):
    report = helm.lint(CHART, values, strict=True)
    # That an icon is recommended is the one remark; it would be fetched from elsewhere.
    assert [m["error"] for m in report["messages"]] == ["icon is recommended"]
    assert report["errors"] == []


@pytest.mark.parametrize("version", ["1.28", "1.33"])
@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_manifests_fit_the_schemas(values, version):
    jsonschema = pytest.importorskip("jsonschema")
    for (kind, name), manifest in render(values).items():
        if kind == "GafaelfawrIngress":
            jsonschema.Draft202012Validator(GAFAELFAWR_SCHEMA).validate(manifest)
            # The rest is an Ingress like any other.
            ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
                       "spec": manifest["template"]["spec"]}
            kubernetes_validate.validate(ingress, version, strict=True)
        elif kind == "VaultSecret":
            assert manifest["apiVersion"] == "ricoberger.de/v1alpha1"
            assert manifest["spec"] == {"path": "secret/phalanx/steward", "type": "Opaque"}
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_what_manifests_refer_to_exists(values):
    manifests = render(values)
    (pod,) = [m["spec"]["template"]["spec"] for (kind, _), m in manifests.items() if kind == "Deployment"]
    (container,) = pod["containers"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    for volume in pod["volumes"]:
        if "configMap" in volume:
            assert ("ConfigMap", volume["configMap"]["name"]) in manifests
    offered = set(yaml.safe_load((CHART / "secrets.yaml").read_text()))
    needed = {entry["valueFrom"]["secretKeyRef"]["key"] for entry in container.get("env", []) if "valueFrom" in entry}
    assert {key for key in needed if not key.startswith("s3-profile-")} <= offered
    for (kind, _), manifest in manifests.items():
        if kind == "GafaelfawrIngress":
            for rule in manifest["template"]["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    assert path["backend"]["service"] == {"name": "steward", "port": {"name": "http"}}


def test_the_page_is_routed_and_leads_to_the_login():
    manifests = render(PLAIN)
    page = manifests["GafaelfawrIngress", "steward-page"]
    assert paths(page) == {"/api/butler/ui": "Exact"}
    assert page["config"]["loginRedirect"] is True
    others = manifests["GafaelfawrIngress", "steward"]
    assert paths(others) == {"/api/butler": "Prefix"}
    assert others["config"]["loginRedirect"] is False
    assert others["config"]["delegate"]["internal"]["service"] == others["config"]["service"]


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_only_what_needs_no_user_is_open_to_all(values):
    expected = {}
    for label in REPOSITORIES:
        for name in ("butler.yaml", "butler.json"):
            expected[f"/api/butler/repo/{label}/{name}"] = "ImplementationSpecific"
        if values is FULL:
            expected[f"/api/butler/repo/{label}/v1/file"] = "Prefix"
    if values is FULL:
        expected["/api/butler/configs"] = "Prefix"
    manifests = render(values)
    assert paths(manifests["GafaelfawrIngress", "steward-anonymous"]) == expected
    for (kind, name), manifest in manifests.items():
        if kind == "GafaelfawrIngress":
            assert "anonymous" not in manifest["config"]["scopes"] or name == "steward-anonymous"
            # A regular expression would change the meaning of all paths of the host.
            annotations = manifest["template"]["metadata"].get("annotations", {})
            assert not {key for key in annotations if key.endswith(("use-regex", "rewrite-target"))}
            # Metrics and readiness are for the cluster.
            assert all(path.startswith("/api/butler") for path in paths(manifest))


@pytest.mark.parametrize("change, complaint", [
    ({"config": {"repositories": REPOSITORIES, "pathPrefix": "/butler"}}, "pathPrefix"),
    ({"config": {"repositories": {"a b": REPOSITORIES["dp1"]}}}, "a b"),
    ({"config": {"repositories": {"dp1": {"config_uri": "x"}}}}, "authorized_groups"),
    ({"config": {}}, "config.repositories must not be empty"),
    ({"global": {}}, "must be set"),
])
def test_values_that_cannot_work_are_refused(change, complaint):
    with pytest.raises(helm.HelmError) as refusal:
        render({**PLAIN, **change})
    assert complaint in str(refusal.value)


def test_yaml_is_tidy():
    lint = Path(sys.executable).with_name("yamllint")
    if not lint.exists():
        pytest.skip("yamllint is not installed")
    files = [DEPLOY / "butler.example.yaml", *CHART.glob("*.yaml")]
    done = subprocess.run([lint, "--strict", "-c", DEPLOY / "tests" / "yamllint.yaml", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_hadolint_finds_nothing_wrong_with_the_image_file():
    lint = Path(sys.executable).with_name("hadolint")
    if not lint.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run([lint, DEPLOY / "Containerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The server with the configuration of the chart, but for paths and the port."""
    if not PROGRAM.exists():
        pytest.skip("steward is not built; run swift build --product steward or set STEWARD_BIN")
    directory = tmp_path_factory.mktemp("served")
    subprocess.run([PROGRAM, "demo", directory / "repo"], check=True, capture_output=True)
    values = copy.deepcopy(FULL)
    entry = {"config_uri": str(directory / "repo"), "authorized_groups": ["*"]}
    values["config"]["repositories"] = dict.fromkeys(REPOSITORIES, entry)
    manifests = render(values)
    text = manifests["ConfigMap", "steward"]["data"]["butler.yaml"]
    (directory / "secret").write_text("a secret of the tests\n")
    (directory / "static").mkdir()
    for name, content in manifests["ConfigMap", "steward-static"]["data"].items():
        (directory / "static" / name).write_text(content)
    for path, here in (("/run/secrets/steward/url-signing-secret", "secret"), ("/etc/steward-static", "static")):
        assert path in text
        text = text.replace(path, str(directory / here))
    (directory / "butler.yaml").write_text(text)
    log = directory / "log"
    with log.open("w") as sink:
        process = subprocess.Popen([PROGRAM, "serve", "--config", directory / "butler.yaml", "--host", "127.0.0.1",
                                    "--port", "0"], stdout=sink, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while "/api/butler/repo/prompt.v2" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    (line,) = [line for line in log.read_text().splitlines() if "/api/butler/repo/dp1" in line]
    yield json.loads(line)["url"].split("/api/")[0], manifests
    process.terminate()
    assert process.wait(60) == 0
    shutil.rmtree(directory)


def ask(url, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_server_has_a_route_behind_every_path(served):
    url, manifests = served
    anonymous = paths(manifests["GafaelfawrIngress", "steward-anonymous"])
    dataset = "01920000-0000-7000-8000-000000000001"
    for path in anonymous:
        if path.endswith("/v1/file"):
            # Invented identities are of no use where the ingress checks nobody.
            headers = {"X-Auth-Request-User": "ann", "X-Auth-Request-Token": "invented"}
            status, body = ask(f"{url}{path}/{dataset}/x.fits", headers)
            assert (status, b"signature" in body) == (403, True)
        elif path.endswith("/configs"):
            assert ask(f"{url}{path}/repositories.yaml") == (200, b"dp1: https://data.example.org/dp1\n")
        else:
            status, body = ask(url + path)
            assert status == 200 and b"RemoteButler" in body
    (page,) = paths(manifests["GafaelfawrIngress", "steward-page"])
    status, body = ask(url + page)
    assert status == 200 and b"<!doctype html>" in body
    assert ask(f"{url}/api/butler/ui/app.js")[0] == 200
    (probes,) = [m["spec"]["template"]["spec"]["containers"][0] for (kind, _), m in manifests.items() if kind == "Deployment"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert ask(url + probes[probe]["httpGet"]["path"])[0] == 200
