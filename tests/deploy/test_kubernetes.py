"""The manifests for Kubernetes: rendered, held to its schemas, and their configurations run."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.arrivals import collector, free_port
from tests.deploy.manifests import (
    KUBERNETES,
    KUSTOMIZATIONS,
    Manifest,
    configuration,
    containers,
    environment,
    is_component,
    kustomization,
    of_kind,
    pods,
    render,
)
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e  # each rendering is a process

# The first version whose pods may have sidecars without a switch, and the newest that is known.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
CLUSTER = {
    "spec.nodeName": "node-1",
    "metadata.name": "shipper-node-x7f2k",
    "metadata.namespace": "logfile-source",
}


def _name(folder: Path) -> str:
    return folder.relative_to(KUBERNETES).as_posix()


whole = pytest.mark.parametrize(
    "folder", [each for each in KUSTOMIZATIONS if not is_component(each)], ids=_name
)


@pytest.fixture
def root_reader(tmp_path: Path) -> Path:
    """A kustomization that puts the component for closed nodes on the base."""
    folder = tmp_path / "closed-nodes"
    folder.mkdir()
    base, component = (
        os.path.relpath(KUBERNETES / part, folder.resolve())
        for part in ("node", "components/root-reader")
    )
    text = f"resources: [{base}]\ncomponents: [{component}]\n"
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    return folder


# The files


def _named(folder: Path) -> set[Path]:
    """All files and folders that a kustomization names."""
    told = kustomization(folder)
    names = [*told.get("resources", ()), *told.get("components", ())]
    names += [patch["path"] for patch in told.get("patches", ()) if "path" in patch]
    for generator in told.get("configMapGenerator", ()):
        names += generator.get("files", ())
    return {(folder / name).resolve() for name in names}


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=_name)
def test_kustomization_names_what_there_is(folder: Path) -> None:
    """What a kustomization names exists, and no file beside it is forgotten."""
    named = _named(folder)

    assert {each for each in named if not each.exists()} == set()
    beside = {file.resolve() for file in folder.glob("*.yaml")}
    assert beside - named == {(folder / "kustomization.yaml").resolve()}


def test_the_kustomizations_are_there() -> None:
    """The base for nodes, the sidecar, the variants and an example of each."""
    assert {_name(each) for each in KUSTOMIZATIONS} == {
        "node",
        "sidecar",
        "components/every-node",
        "components/root-reader",
        "overlays/node-example",
        "overlays/web-example",
    }


# What is sent to a cluster


def _strictly_valid(rendered: list[Manifest], version: str) -> None:
    for each in rendered:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@whole
def test_manifests_keep_the_schemas(folder: Path, version: str) -> None:
    """Every object is valid, with no key that Kubernetes does not know."""
    _strictly_valid(render(folder), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_for_closed_nodes_keep_the_schemas(root_reader: Path, version: str) -> None:
    """The same holds with the component for nodes whose logs only root may read."""
    _strictly_valid(render(root_reader), version)


def test_a_wrong_key_is_found() -> None:
    """The schemas do find a slip: these tests can fail."""
    base = render(KUBERNETES / "node")
    of_kind(base, "DaemonSet")["spec"]["template"]["spec"]["priorityClas"] = "x"

    with pytest.raises(kubernetes_validate.ValidationError):
        _strictly_valid(base, VERSIONS[0])


def _context(pod: Manifest, container: Manifest, key: str) -> Any:
    own: dict[str, Any] = container["securityContext"]
    return own.get(key, pod["securityContext"].get(key))


@whole
def test_containers_have_no_power_they_do_not_need(folder: Path) -> None:
    """No container is privileged, writes to its root or keeps a capability; each has limits."""
    for pod in pods(render(folder)):
        assert pod["automountServiceAccountToken"] is False
        for name, container in containers(pod).items():
            assert _context(pod, container, "readOnlyRootFilesystem") is True, name
            assert _context(pod, container, "allowPrivilegeEscalation") is False, name
            assert _context(pod, container, "seccompProfile") == {"type": "RuntimeDefault"}, name
            powers = {"drop": ["ALL"]} | ({"add": ["CHOWN"]} if name == "state-owner" else {})
            assert _context(pod, container, "capabilities") == powers, name
            assert _context(pod, container, "runAsNonRoot") is (name != "state-owner"), name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


@whole
def test_nothing_is_asked_of_the_cluster(folder: Path) -> None:
    """There is no role and no binding, as no API is asked."""
    kinds = {each["kind"] for each in render(folder)}
    assert {kind for kind in kinds if "Role" in kind} == set()


def test_closed_nodes_are_read_with_one_capability(root_reader: Path) -> None:
    """For nodes whose logs only root may read, the shipper has the right to read, and no other."""
    (pod,) = pods(render(root_reader))
    reader = containers(pod)["shipper"]

    assert _context(pod, reader, "capabilities") == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]}
    assert (_context(pod, reader, "runAsUser"), _context(pod, reader, "runAsNonRoot")) == (0, False)
    assert containers(pod)["state-owner"]["args"][-1] == "0"


@whole
def test_a_changed_configuration_replaces_the_pods(folder: Path) -> None:
    """The maps are named by a hash of their content, and the pods name them so."""
    rendered = render(folder)
    (pod,) = pods(rendered)
    maps = {each["metadata"]["name"] for each in rendered if each["kind"] == "ConfigMap"}

    assert len(maps) == 2
    named = {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v}
    named |= {each["configMapRef"]["name"] for each in containers(pod)["shipper"]["envFrom"]}
    assert named == maps
    assert all(len(name.rpartition("-")[2]) == 10 for name in maps)


@pytest.mark.parametrize("overlay", ["node-example", "web-example"])
def test_names_can_be_asked(overlay: str) -> None:
    """The way to the name server is open: its selector is its own, whatever labels are added."""
    policy = of_kind(render(KUBERNETES / "overlays" / overlay), "NetworkPolicy")
    (names,) = (
        e for e in policy["spec"]["egress"] if {"port": 53, "protocol": "UDP"} in e["ports"]
    )

    assert names["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


@whole
def test_policy_is_that_of_the_pods(folder: Path) -> None:
    """The NetworkPolicy chooses exactly the pods that the workload makes."""
    rendered = render(folder)
    kinds = ("DaemonSet", "StatefulSet")
    (workload,) = (each for each in rendered if each["kind"] in kinds)
    labels = workload["spec"]["template"]["metadata"]["labels"]
    chosen = of_kind(rendered, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]

    assert chosen
    assert chosen.items() <= labels.items()
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


# The state


def test_state_is_handed_over(tmp_path: Path) -> None:
    """What the init container runs makes a directory of root's the shipper's, with CHOWN alone."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv (on Debian: util-linux)")
    (pod,) = pods(render(KUBERNETES / "node"))
    code, place, owner = containers(pod)["state-owner"]["args"]
    assert place in {m["mountPath"] for m in containers(pod)["shipper"]["volumeMounts"]}
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    (state / "state.db").touch()
    (state / "away").symlink_to("/etc/passwd")

    only_chown = ["setpriv", "--inh-caps=-all,+chown", "--bounding-set=-all,+chown"]
    for _ in range(2):  # at the first start of a node, and at each one after it
        subprocess.run([*only_chown, sys.executable, "-I", "-c", code, state, owner], check=True)

    found = {path.lstat().st_uid for path in (state, *state.iterdir())}
    assert found == {int(owner)} == {_context(pod, containers(pod)["shipper"], "runAsUser")}
    assert Path("/etc/passwd").stat().st_uid == 0


# The configuration


class Cluster:
    """A node's logs and state in a folder, and the configuration of a rendered shipper for them."""

    def __init__(self, folder: Path, rendered: list[Manifest], url: str) -> None:
        (pod,) = pods(rendered)
        self.logs, self.port = folder / "logs", free_port()
        self.environ = environment(rendered, pod, CLUSTER) | {"COLLECTOR_URL": url}
        self.probes = containers(pod)["shipper"]
        text = configuration(rendered, pod)
        moved = {
            "/var/lib/shipper": folder / "state",
            "/var/log/pods": self.logs,
            '"/logs/': f'"{self.logs}/',
            "0.0.0.0:8080": f"127.0.0.1:{self.port}",
            "0.0.0.0:18080": f"127.0.0.1:{self.port}",
        }
        for there, here in moved.items():
            text = text.replace(there, str(here))
        self.config = folder / "shipper.yaml"
        self.config.write_text(text, encoding="utf-8")

    def write(self, path: str, *lines: str) -> None:
        file = self.logs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def answer(self, probe: str) -> int:
        """Ask what the kubelet would ask, and return the status."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", self.probes[probe]["httpGet"]["path"])
            return connection.getresponse().status


def _cri(text: str) -> str:
    return f"2026-11-23T06:55:44.123456789Z stdout F {text}"


@whole
def test_configuration_is_right(folder: Path, tmp_path: Path) -> None:
    """`shipper check --offline` finds nothing wrong with the configuration in the ConfigMap."""
    it = Cluster(tmp_path, render(folder), "https://collector.example.com")
    it.write(
        "shop_web-0_11111111-0000-4000-8000-000000000000/app/0.log",
        _cri('{"level": "info", "msg": "ready"}'),
    )

    done = shipper("check", "-c", it.config, "--offline", environ=it.environ)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in done.stdout


def test_a_node_ships_all_but_its_own_words(tmp_path: Path) -> None:
    """The DaemonSet's configuration, run: pods' lines arrive, those of shippers here do not."""
    rendered = render(KUBERNETES / "overlays" / "node-example")
    with collector() as there:
        it = Cluster(tmp_path, rendered, there.url)
        own = [_cri('{"level": "info", "msg": "collector.available"}')]
        it.write(
            "shop_web-0_11111111-0000-4000-8000-000000000000/app/0.log",
            _cri('{"level": "info", "msg": "ready"}'),
        )
        it.write(
            "logfile-source_shipper-node-x7f2k_22222222-0000-4000-8000-000000000000/shipper/0.log",
            *own,
        )
        it.write(
            "logfile-source_shipper-node-older_33333333-0000-4000-8000-000000000000/shipper/1.log",
            *own,
        )
        with running("run", "-c", it.config, environ=it.environ) as process:
            eventually(lambda: there.counts().good == 1)
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert it.answer(probe) == 200, probe
            assert process.stop() == 0
        (event,) = there.good()

    (entity,) = (e for e in event["event"]["contexts"]["data"] if "/container/" in e["schema"])
    assert (entity["data"]["namespace"], entity["data"]["pod"]) == ("shop", "web-0")
    assert event["event"]["app_id"] == "shop"


def test_a_sidecar_ships_what_the_application_writes(tmp_path: Path) -> None:
    """The sidecar's configuration, run: the lines of the web server arrive."""
    rendered = render(KUBERNETES / "overlays" / "web-example")
    request = '192.0.2.9 - - [23/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"'
    with collector() as there:
        it = Cluster(tmp_path, rendered, there.url)
        it.write("access.log", request)
        done = shipper("run", "-c", it.config, "--once", environ=it.environ)

        assert done.returncode == 0, done.stderr
        (event,) = there.good()
    assert event["event"]["unstruct_event"]["data"]["data"]["path"] == "/a"
