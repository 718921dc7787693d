"""The manifests of deploy/kubernetes, as kubectl renders them, and what stands in them."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATIONS = sorted(file.parent for file in KUBERNETES.rglob("kustomization.yaml"))

Manifest = dict[str, Any]


def kustomization(folder: Path) -> Manifest:
    """Return what *folder*'s kustomization.yaml says."""
    text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
    value = yaml.safe_load(text)
    assert isinstance(value, dict)
    return value


def is_component(folder: Path) -> bool:
    """Tell whether *folder* is a component, which can't be rendered by itself."""
    return bool(kustomization(folder)["kind"] == "Component")


@functools.cache
def _why_not() -> str:
    """Return why manifests can't be rendered here, or nothing."""
    if shutil.which("kubectl") is None:
        return "kubectl is missing (on Debian 13: kubernetes-client)"
    command = ["kubectl", "version", "--client", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Named since 1.24; what came before has no components, or reads them otherwise.
    known = "kustomizeVersion" in json.loads(done.stdout)
    return "" if known else "the kustomize in kubectl is too old: kubectl 1.24 or newer is needed"


def render(folder: Path) -> list[Manifest]:
    """Return what `kubectl apply -k` would send for *folder*; skips where that can't be known."""
    if why := _why_not():
        pytest.skip(why)
    return [each for each in yaml.safe_load_all(_rendered(folder)) if each]


@functools.cache
def _rendered(folder: Path) -> str:
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def of_kind(rendered: list[Manifest], kind: str) -> Manifest:
    """Return the one manifest of that *kind*."""
    (found,) = (each for each in rendered if each["kind"] == kind)
    return found


def pods(rendered: list[Manifest]) -> Iterator[Manifest]:
    """The pod specs of all workloads."""
    for each in rendered:
        if "template" in each.get("spec", {}):
            yield each["spec"]["template"]["spec"]


def containers(pod: Manifest) -> dict[str, Manifest]:
    """Return the containers of a pod by name, those that run before among them."""
    return {each["name"]: each for each in (*pod.get("initContainers", ()), *pod["containers"])}


def configuration(rendered: list[Manifest], pod: Manifest) -> str:
    """Return the shipper.yaml that the shipper in *pod* finds."""
    mounts = {m["mountPath"]: m["name"] for m in containers(pod)["shipper"]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return _map(rendered, volumes[mounts["/etc/shipper"]]["configMap"]["name"])["shipper.yaml"]


def environment(rendered: list[Manifest], pod: Manifest, fields: dict[str, str]) -> dict[str, str]:
    """Return the environment of the shipper in *pod*; *fields* are what the cluster would say."""
    shipper = containers(pod)["shipper"]
    values: dict[str, str] = {}
    for each in shipper["envFrom"]:
        values |= _map(rendered, each["configMapRef"]["name"])
    for each in shipper["env"]:
        values[each["name"]] = fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
    return values


def _map(rendered: list[Manifest], name: str) -> dict[str, str]:
    maps = (each for each in rendered if each["kind"] == "ConfigMap")
    (data,) = (each["data"] for each in maps if each["metadata"]["name"] == name)
    return dict(data)
